"""Which addresses a webhook may have, and which network addresses it may reach."""

import ipaddress

import pytest

from finance.webhooks.targets import BadUrl, Policy, Target, is_allowed, parse_url

STRICT = Policy()
PRIVATE = Policy(allow_private=True)


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "host_header"),
    [
        ("https://hook.example", "hook.example", 443, "/", "hook.example"),
        ("https://hook.example/a/b?c=d&e=%20", "hook.example", 443, "/a/b?c=d&e=%20", "hook.example"),
        ("https://hook.example:443/x", "hook.example", 443, "/x", "hook.example"),
        ("https://hook.example:8443/x", "hook.example", 8443, "/x", "hook.example:8443"),
        ("HTTPS://Hook.Example./x", "hook.example", 443, "/x", "hook.example"),
        ("https://bücher.example/x", "xn--bcher-kva.example", 443, "/x", "xn--bcher-kva.example"),
        ("https://93.184.215.14/x", "93.184.215.14", 443, "/x", "93.184.215.14"),
        (
            *("https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:8443/", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"),
            *(8443, "/", "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:8443"),
        ),
    ],
)
def test_an_address_is_taken_apart(url, host, port, path, host_header):
    target = parse_url(url, policy=STRICT)
    assert target == Target(scheme="https", host=host, port=port, path=path)
    assert target.host_header == host_header


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://hook.example/", "scheme"),
        ("ftp://hook.example/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("hook.example/x", "scheme"),
        ("", "scheme"),
        ("https:///x", "host"),
        ("https://", "host"),
        ("https://ho st.example/", "host"),
        ("https://-x.example/", "host"),
        ("https://a..b/", "host"),
        ("https://" + "a" * 64 + ".example/", "host"),
        ("https://user:password@hook.example/", "user"),
        ("https://@hook.example/", "user"),
        ("https://hook.example:22/", "port"),
        ("https://hook.example:0/", "port"),
        ("https://hook.example:99999/", "form"),
        ("https://hook.example:x/", "form"),
        ("https://[::1", "form"),
        ("https://hook.example/x#y", "form"),
        ("https://hook.example/a b", "form"),
        ("https://hook.example/ä", "form"),
        ("https://hook.example/" + "a" * 500, "long"),
        ("https://127.0.0.1/", "private"),
        ("https://[::1]/", "private"),
        ("https://[::ffff:10.0.0.1]/", "private"),
        ("https://169.254.169.254/latest/meta-data/", "private"),
    ],
)
def test_what_cannot_be_called_is_refused(url, reason):
    with pytest.raises(BadUrl) as refusal:
        parse_url(url, policy=STRICT)
    assert refusal.value.reason == reason


def test_line_breaks_do_not_reach_the_request():
    for url in ("https://hook.example/\r\nX-Evil: 1", "https://hook.example\r\n/x", "https://hook.example/\n"):
        try:
            target = parse_url(url, policy=STRICT)
        except BadUrl:
            continue
        assert "\r" not in target.path + target.host
        assert "\n" not in target.path + target.host


def test_http_is_for_operators_who_allow_it():
    assert parse_url("http://hook.example/x", policy=Policy(allow_http=True)).port == 80


PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8", "64:ff9b::808:808"]
SOMEBODYS = [
    *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "127.0.0.1", "127.255.255.254"),
    *("100.64.0.1", "100.127.255.255", "169.254.1.1"),
    *("::1", "fe80::1", "fe80::1%eth0", "fd12:3456::1", "fc00::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:101", "64:ff9b::7f00:1"),
]
NEVER = [
    *("0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
    *("::", "ff02::1", "fec0::1", "2001:db8::1", "::127.0.0.1", "2002:7f00:1::", "2001:0:53aa:64c:0:5efe:80ff:fffe"),
    *("::ffff:0.0.0.0", "::ffff:224.0.0.1", "4000::1"),
]
METADATA = ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "100.100.100.200"]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_reached(address):
    assert is_allowed(ipaddress.ip_address(address), policy=STRICT)


@pytest.mark.parametrize("address", [*SOMEBODYS, *NEVER, *METADATA])
def test_all_others_are_not(address):
    assert not is_allowed(ipaddress.ip_address(address), policy=STRICT)


@pytest.mark.parametrize("address", SOMEBODYS)
def test_the_operator_may_open_private_addresses(address):
    assert is_allowed(ipaddress.ip_address(address), policy=PRIVATE)


@pytest.mark.parametrize("address", [*NEVER, *METADATA])
def test_some_stay_closed_even_then(address):
    assert not is_allowed(ipaddress.ip_address(address), policy=PRIVATE)


def test_a_named_network_is_open_and_its_neighbours_are_not():
    policy = Policy(networks=(ipaddress.ip_network("10.1.2.0/24"), ipaddress.ip_network("fd12::/64")))
    reached = ["10.1.2.3", "::ffff:10.1.2.3", "fd12::5"]
    closed = ["10.1.3.3", "fd12:0:0:1::5", "127.0.0.1", "::1"]
    assert [is_allowed(ipaddress.ip_address(each), policy=policy) for each in reached] == [True] * 3
    assert [is_allowed(ipaddress.ip_address(each), policy=policy) for each in closed] == [False] * 4


def test_the_clouds_metadata_is_reached_only_where_it_is_named():
    policy = Policy(networks=(ipaddress.ip_network("169.254.169.254/32"),))
    assert is_allowed(ipaddress.ip_address("169.254.169.254"), policy=policy)
