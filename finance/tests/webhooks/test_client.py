"""The client against real servers: it goes where it may, waits only so long, and reads only so much."""

import ipaddress
import socket
import threading
import time

import pytest

from finance.tests.webhooks.receiver import receiving
from finance.webhooks import client
from finance.webhooks.client import SendingFailed
from finance.webhooks.targets import Policy, Target, parse_url

LOOPBACK = Policy(allow_http=True, networks=(ipaddress.ip_network("127.0.0.0/8"),))


def send(url, *, policy=LOOPBACK, seconds=5.0, resolve=None, ca_file="", body=b"{}"):
    return client.post(
        parse_url(url, policy=policy),
        headers={"Content-Type": "application/json"},
        body=body,
        policy=policy,
        seconds=seconds,
        ca_file=str(ca_file),
        resolve=resolve,
    )


def leading_to(*addresses):
    return lambda host, port: list(addresses)


def failing(kind, *args, **kwargs):
    with pytest.raises(SendingFailed) as failure:
        send(*args, **kwargs)
    assert failure.value.kind == kind, failure.value
    return str(failure.value)


def test_the_body_and_headers_arrive_as_they_were_given(receiver):
    receiver.status, receiver.body = 200, b"thanks"
    answer = send(receiver.url("/hook?x=1"), body='{"payee":"Zoë"}'.encode())
    assert (answer.status, answer.body, answer.address) == (200, b"thanks", "127.0.0.1")
    (request,) = receiver.requests
    assert request.path == "/hook?x=1"
    assert request.body == '{"payee":"Zoë"}'.encode()
    assert request.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "content-type": "application/json",
        "connection": "close",
        "content-length": "16",
    }


def test_a_name_is_asked_once_and_the_very_answer_is_connected_to(receiver):
    asked = []

    def resolve(host, port):
        asked.append((host, port))
        # From the second question on the name would lead elsewhere.
        return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]

    assert send(receiver.url(host="hook.example"), resolve=resolve).status == 204
    assert asked == [("hook.example", receiver.port)]
    assert receiver.requests[0].headers["host"] == f"hook.example:{receiver.port}"


def test_a_name_that_leads_inside_is_not_called(receiver):
    said = failing(
        "address", receiver.url(host="evil.example"), policy=Policy(allow_http=True), resolve=leading_to("127.0.0.1")
    )
    assert said == "evil.example leads to a network that webhooks may not reach."
    assert receiver.requests == []


@pytest.mark.parametrize("inside", ["127.0.0.1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0", "::1"])
def test_one_address_inside_is_enough_to_refuse_a_name(receiver, inside):
    resolve = leading_to("93.184.215.14", inside)
    failing("address", receiver.url(host="evil.example"), policy=Policy(allow_http=True), resolve=resolve)
    assert receiver.requests == []


@pytest.mark.parametrize("spelling", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost"])
def test_other_spellings_of_loopback_are_seen_through(receiver, spelling):
    """The system's resolver understands them; what it answers is judged."""
    failing("address", receiver.url(host=spelling), policy=Policy(allow_http=True))
    assert receiver.requests == []


def test_the_second_address_is_tried_when_the_first_does_not_answer(receiver):
    # Only the receiver's own address listens on its port.
    answer = send(receiver.url(host="hook.example"), resolve=leading_to("127.0.0.9", "127.0.0.1"))
    assert (answer.status, answer.address) == (204, "127.0.0.1")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(receiver, status):
    with receiving() as inside:
        receiver.status, receiver.headers = status, {"Location": inside.url()}
        assert send(receiver.url()).status == status
        assert inside.requests == []
    assert len(receiver.requests) == 1


def test_proxies_of_the_environment_are_not_used(receiver, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert send(receiver.url()).status == 204


def test_only_the_beginning_of_an_answer_is_read(receiver):
    sent = threading.Event()

    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
        except OSError:
            sent.set()

    receiver.act = endless
    answer = send(receiver.url())
    assert (answer.status, answer.body) == (200, b"x" * 2048)
    assert sent.wait(5), "the connection stays open"


def test_a_chunked_answer_is_read(receiver):
    def chunked(handler):
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(201)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")

    receiver.act = chunked
    answer = send(receiver.url())
    assert (answer.status, answer.body) == (201, b"hello world")


def test_a_body_that_breaks_off_does_not_undo_the_status(receiver):
    def broken(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"half")

    receiver.act = broken
    answer = send(receiver.url())
    assert (answer.status, answer.body) == (200, b"half")


def dripping(handler):
    """A header line that never ends, a byte at a time: no single wait is long."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    try:
        while True:
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.02)
    except OSError:
        pass


def silent(handler):
    time.sleep(3)


@pytest.mark.parametrize("act", [dripping, silent])
def test_the_whole_attempt_ends_in_time(receiver, act):
    receiver.act = act
    started = time.monotonic()
    said = failing("timeout", receiver.url(), seconds=0.4)
    assert time.monotonic() - started < 60
    assert said == "The answer was not complete after 0.4 seconds."


def test_a_wait_that_ends_before_the_guard_strikes_is_told_as_the_end_of_the_attempt(receiver, monkeypatch):
    receiver.act = silent
    timer = threading.Timer
    monkeypatch.setattr("finance.webhooks.client.threading.Timer", lambda seconds, act: timer(seconds + 5, act))
    assert failing("timeout", receiver.url(), seconds=0.4) == "The answer was not complete after 0.4 seconds."


def test_a_tls_handshake_that_hangs_ends_in_time():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        started = time.monotonic()
        failing("timeout", f"https://127.0.0.1:{mute.getsockname()[1]}/", seconds=0.3)
        assert time.monotonic() - started < 60


def test_a_name_server_that_hangs_does_not_hang_the_caller():
    released = threading.Event()
    said = failing("timeout", "https://hook.example/", seconds=0.2, resolve=lambda host, port: released.wait(10) or [])
    released.set()
    assert said == "The name hook.example was not resolved in time."


def test_nobody_at_the_port(free_port):
    assert failing("connect", f"http://127.0.0.1:{free_port()}/") == "No connection: Connection refused"


def test_an_unknown_name():
    def unknown(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert failing("dns", "https://hook.example/", resolve=unknown) == "The name hook.example cannot be resolved."
    assert failing("dns", "https://hook.example/", resolve=leading_to()) == "The name hook.example has no address."


@pytest.mark.parametrize(
    "bytes_sent",
    [b"", b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 banana\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200],
)
def test_what_is_no_http_is_no_answer(receiver, bytes_sent):
    receiver.act = lambda handler: handler.wfile.write(bytes_sent)
    failing("protocol", receiver.url())


def test_the_certificate_is_checked_for_the_name_although_an_address_is_called(secure_receiver, authority):
    url = secure_receiver.url(host="hook.example")
    answer = send(url, resolve=leading_to("127.0.0.1"), ca_file=authority[0])
    assert answer.status == 204
    assert secure_receiver.requests[0].headers["host"] == f"hook.example:{secure_receiver.port}"


def test_a_certificate_for_an_address_is_accepted(secure_receiver, authority):
    assert send(secure_receiver.url(), ca_file=authority[0]).status == 204


def test_a_certificate_of_another_name_is_refused(secure_receiver, authority):
    said = failing(
        "tls", secure_receiver.url(host="other.example"), resolve=leading_to("127.0.0.1"), ca_file=authority[0]
    )
    assert "Hostname mismatch" in said
    assert secure_receiver.requests == []


def test_a_certificate_of_an_unknown_authority_is_refused(secure_receiver):
    said = failing("tls", secure_receiver.url(host="hook.example"), resolve=leading_to("127.0.0.1"))
    assert said.startswith("The certificate is not accepted: ")
    assert secure_receiver.requests == []


def test_plain_http_behind_https_is_no_tls(receiver):
    target = Target(scheme="https", host="127.0.0.1", port=receiver.port, path="/")
    with pytest.raises(SendingFailed) as failure:
        client.post(target, headers={}, body=b"", policy=LOOPBACK, seconds=5)
    assert failure.value.kind == "tls"


def test_what_the_other_side_asks_to_wait_is_handed_on(receiver):
    receiver.status, receiver.headers = 503, {"Retry-After": "120"}
    assert send(receiver.url()).retry_after == "120"


def test_no_thread_and_no_socket_is_left_behind(receiver):
    before = threading.active_count()
    for _ in range(5):
        send(receiver.url())
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    assert threading.active_count() <= before + 8 + 5  # resolvers, and the receiver's own
