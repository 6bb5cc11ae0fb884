"""The doctor: each check well and unwell, as a command and as a page."""

import contextlib
import datetime
import http.server
import json
import ssl
import subprocess
import threading
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.utils import timezone

from identity.models import User
from lifeos_project import doctor, outbox_state, ownership, preflight, secret_age, version
from lifeos_project.backups import stores
from lifeos_project.backups.models import BackupRun
from lifeos_project.doctor import registry, surroundings
from lifeos_project.doctor.registry import Asked, Finding
from lifeos_project.models import SecretSighting
from platform_outbox.models import Breaker, Periodic, Worker

pytestmark = pytest.mark.django_db

PAGE = "/admin/doctor/"
WELL = {"status": "ok", "milliseconds": 1.0}


@pytest.fixture(autouse=True)
def _quiet(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(secret_age, "_known", {})
    monkeypatch.setattr(secret_age, "ROUNDS", 1)
    settings.BACKUP_TARGET = str(tmp_path / "backups")


def found(name, **asked):
    """State, sentence and advice of each finding of one check."""
    (result,) = [each for each in doctor.examine(Asked(**asked)) if each.name == name]
    return [(str(each.state), each.says, each.todo) for each in result.findings]


def state(name, **asked):
    (result,) = [each for each in doctor.examine(Asked(**asked)) if each.name == name]
    return str(result.state)


def a_worker(*, seconds_ago=0):
    at = timezone.now() - datetime.timedelta(seconds=seconds_ago)
    return Worker.objects.create(name=f"host:{seconds_ago}", broker="in-process", started_at=at, heartbeat_at=at)


def a_backup(*, hours_ago, state="good"):
    at = timezone.now() - datetime.timedelta(hours=hours_ago)
    return BackupRun.objects.create(name=f"{hours_ago}", location="x", encrypted=False, started_at=at, state=state)


def test_every_part_of_the_list_is_looked_at():
    names = [result.name for result in doctor.examine(Asked())]
    assert names == [
        *("settings", "database", "roles", "migrations", "workers", "broker", "cache", "mail", "clock"),
        *("disk", "backups", "certificate", "secrets", "proxy", "webhooks", "version"),
    ]


def test_whatever_is_wrong_comes_with_what_to_do(settings):
    settings.PRODUCTION = True
    for result in doctor.examine(Asked()):
        for each in result.findings:
            assert each.says
            assert bool(each.todo) == (each.state in ("notice", "error")), (result.name, each)


class TestServices:
    def test_database_migrations_broker_and_cache_when_well(self):
        assert [state(name) for name in ("database", "migrations", "broker", "cache")] == ["ok"] * 4
        ((_, says, _),) = found("database")
        assert says.startswith("PostgreSQL ")

    @pytest.mark.parametrize("name", ["database", "broker", "cache"])
    def test_a_service_that_does_not_answer_is_an_error(self, monkeypatch, name):
        broken = {"status": "error", "error": "ConnectionError"}
        parts = {"database": {**WELL, "postgresql": 16}, "migrations": {**WELL, "pending": 0}, name: broken}
        monkeypatch.setattr(registry.health, "services", lambda: parts)
        ((state, says, todo),) = found(name)
        assert state == "error"
        assert "ConnectionError" in says
        assert todo

    def test_pending_migrations_are_counted(self, monkeypatch):
        monkeypatch.setattr(registry.health, "services", lambda: {"migrations": {"status": "error", "pending": 3}})
        ((state, says, todo),) = found("migrations")
        assert (state, says) == ("error", "3 migrations are pending.")
        assert "manage.py migrate" in todo

    def test_a_role_that_may_too_much_is_an_error_in_production(self, monkeypatch, settings):
        monkeypatch.setattr(ownership, "objections", lambda **options: ["The role x owns tables."])
        assert state("roles") == "notice"
        settings.PRODUCTION = True
        ((found_state, says, todo),) = found("roles")
        assert (found_state, says, todo) == ("error", "The role x owns tables.", ownership.HINT)

    def test_a_worker_is_alive_by_its_heartbeat_alone(self):
        a_worker(seconds_ago=40)
        ((state, says, todo),) = found("workers")
        assert (state, says) == ("error", "No worker runs: events, mails and webhooks wait.")
        assert "docker-compose up -d lifeos-worker" in todo
        a_worker()
        assert found("workers") == [("ok", "1 worker is alive.", "")]

    def test_late_events_dead_letters_and_failing_jobs_are_told(self, monkeypatch):
        a_worker()
        sick = outbox_state.OutboxState(pending=1, oldest_seconds=720, dead=2)
        monkeypatch.setattr(outbox_state, "current", lambda: sick)
        Periodic.objects.create(name="x.job", seconds=60, due_at=timezone.now(), failures=4)
        sentences = [says for state, says, _ in found("workers") if state == "notice"]
        assert sentences == [
            "The oldest due event has waited for 12 minutes.",
            "2 events were given up.",
            "The periodic job x.job failed 4 times in a row.",
        ]

    def test_a_mail_is_sent_only_when_asked_for(self, settings):
        assert state("mail") == "notice"
        settings.EMAIL_HOST = "smtp.example.org"
        assert state("mail") == "skipped"
        assert mail.outbox == []
        assert state("mail", mail_to="olga@example.org") == "ok"
        assert [sent.to for sent in mail.outbox] == [["olga@example.org"]]

    def test_a_mail_that_cannot_leave_is_an_error(self, settings, free_port):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
        ((state, says, _),) = found("mail", mail_to="olga@example.org")
        assert (state, says.endswith("cannot be reached: Connection refused")) == ("error", True)

    @pytest.mark.parametrize(
        ("apart", "expected"), [(0, "ok"), (-1, "ok"), (10, "notice"), (-10, "notice"), (90, "error")]
    )
    def test_the_clocks_are_compared(self, monkeypatch, apart, expected):
        real = registry.health.time.time
        monkeypatch.setattr(doctor.services, "time", SimpleNamespace(time=lambda: real() + apart))
        assert state("clock") == expected


class TestSurroundings:
    def test_disk(self, monkeypatch):
        assert state("disk") in ("ok", "notice")
        usage = SimpleNamespace(total=100 << 30, used=95 << 30, free=5 << 30)
        monkeypatch.setattr(surroundings.shutil, "disk_usage", lambda path: usage)
        ((found_state, says, _),) = found("disk")
        assert (found_state, says.startswith("5 GB are free in "), says.endswith(", 5 % of the disk.")) == (
            "notice",
            True,
            True,
        )
        monkeypatch.setattr(preflight, "disk_problems", lambda: iter(["It cannot be written."]))
        assert found("disk")[0][:2] == ("error", "It cannot be written.")

    @pytest.mark.parametrize(
        ("hours", "production", "expected"),
        [(1, True, "ok"), (30, True, "notice"), (60, True, "error"), (60, False, "notice")],
    )
    def test_the_age_of_the_last_good_backup(self, settings, hours, production, expected):
        settings.PRODUCTION = settings.BACKUP_NIGHTLY = production
        a_backup(hours_ago=hours)
        assert state("backups") == expected

    def test_without_a_backup_a_production_is_in_error(self, settings):
        assert state("backups") == "notice"
        settings.PRODUCTION = True
        assert ("error", "There is no backup.") in [each[:2] for each in found("backups")]
        assert "None is made at night." in [each[1] for each in found("backups")]

    def test_a_backup_that_failed_after_a_good_one_is_an_error(self):
        a_backup(hours_ago=10)
        a_backup(hours_ago=1, state="failed")
        assert ("error", "The last one failed.") in [each[:2] for each in found("backups")]

    def test_the_backup_target_is_listed_and_must_be_writable(self, settings, tmp_path, monkeypatch):
        target = tmp_path / "target"
        target.mkdir()
        (target / "lifeos-20260301T020000Z.tar").touch()
        settings.BACKUP_TARGET = str(target)
        assert found("backups")[0] == ("ok", f"{target} holds 1 backup.", "")
        monkeypatch.setattr(surroundings.os, "access", lambda path, mode: False)
        assert found("backups")[0][:2] == ("error", f"{target} cannot be written.")
        (tmp_path / "file").touch()
        settings.BACKUP_TARGET = str(tmp_path / "file")
        assert found("backups")[0][0] == "error"

    def test_a_bucket_is_asked_only_from_the_command_or_at_a_button(self, settings, monkeypatch):
        settings.BACKUP_TARGET = "s3://bucket/prefix"
        monkeypatch.setattr(stores.BucketStore, "names", lambda store: pytest.fail("asked"))
        settings.BACKUP_S3_ACCESS_KEY_ID = settings.BACKUP_S3_SECRET_ACCESS_KEY = "x"
        assert found("backups", outside=False)[0] == ("skipped", "s3://bucket/prefix was not asked.", "")

    def test_secrets_that_the_doctor_is_the_first_to_see_have_been_in_use_for_no_day(self):
        assert state("secrets") == "ok"
        SecretSighting.objects.update(first_seen_at=timezone.now() + datetime.timedelta(minutes=1))
        secret_age._known.clear()
        assert found("secrets") == [("ok", "The oldest has been in use for 0 days.", "")]

    def test_an_old_secret_is_named_and_not_shown(self, settings):
        settings.SECRET_KEY = "a-secret-of-today"
        assert state("secrets") == "ok"
        SecretSighting.objects.filter(name="SECRET_KEY").update(
            first_seen_at=timezone.now() - datetime.timedelta(days=100)
        )
        secret_age._known.clear()
        ((found_state, says, _),) = found("secrets")
        assert (found_state, says) == ("notice", "SECRET_KEY has been in use for 100 days; 90 are the rule.")

    @pytest.mark.parametrize(
        ("trust", "headers", "secure", "expected"),
        [
            (False, {}, True, []),
            (True, {"X-Forwarded-For": "203.0.113.7"}, True, []),
            (False, {"X-Forwarded-For": "203.0.113.7"}, True, ["A proxy is in front, and TRUST_PROXY is off"]),
            (True, {}, True, ["This request passed 0 proxies, and TRUSTED_PROXY_COUNT says 1"]),
            (False, {}, False, ["SITE_URL is https, and this request came as http"]),
            (
                False,
                {"Host": "localhost"},
                True,
                ["This request was for localhost, and SITE_URL says books.example.org."],
            ),
        ],
    )
    def test_the_request_of_the_page_shows_what_the_proxy_does(self, settings, trust, headers, secure, expected):
        settings.SITE_URL, settings.ALLOWED_HOSTS = "https://books.example.org", ["*"]
        settings.TRUST_PROXY, settings.TRUSTED_PROXY_COUNT = trust, int(trust)
        request = RequestFactory().get("/", headers={"Host": "books.example.org", **headers}, secure=secure)
        sentences = [says for state, says, _ in found("proxy", request=request) if state != "ok"]
        assert len(sentences) == len(expected)
        assert all(says.startswith(start) for says, start in zip(sentences, expected, strict=True))

    def test_a_breaker_that_holds_calls_is_told(self):
        assert found("webhooks") == [("ok", "None is blocked.", "")]
        Breaker.objects.create(handler="finance.webhooks", destination="example.org", state="open")
        assert found("webhooks")[0][:2] == ("notice", "Calls to 1 address wait, because it is down.")


@contextlib.contextmanager
def https_server(directory, *, days):
    """A server with a self-signed certificate of `localhost`; returns its port."""
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", str(days), "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


class TestCertificate:
    @pytest.mark.parametrize(
        ("days", "expected"),
        [
            (31, ("ok", "The certificate of localhost is good for 30 days.")),
            (10, ("notice", "The certificate of localhost is good for 9 days.")),
            (2, ("error", "The certificate of localhost is good for 1 day.")),
        ],
    )
    def test_its_end_decides(self, settings, tmp_path, monkeypatch, days, expected):
        with https_server(tmp_path, days=days) as port:
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
            settings.SITE_URL = f"https://localhost:{port}"
            ((state, says, _),) = found("certificate")
        assert (state, says) == expected

    def test_a_self_signed_one_has_its_age_and_a_notice(self, settings, tmp_path):
        with https_server(tmp_path, days=31) as port:
            settings.SITE_URL = f"https://localhost:{port}"
            age, notice = found("certificate")
        assert age == ("ok", "The certificate of localhost is good for 30 days.", "")
        assert notice[:2] == ("notice", "No known authority has signed it, so browsers warn of it.")

    def test_one_of_another_name_is_an_error(self, settings, tmp_path, monkeypatch):
        with https_server(tmp_path, days=31) as port:
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
            settings.SITE_URL = f"https://127.0.0.1:{port}"
            ((state, says, _),) = found("certificate")
        assert (state, says.startswith("Browsers refuse the certificate of 127.0.0.1: ")) == ("error", True)

    def test_nobody_there_is_an_error(self, settings, free_port):
        settings.SITE_URL = f"https://localhost:{free_port()}"
        ((state, says, _),) = found("certificate")
        assert (state, says.endswith("does not answer over TLS: Connection refused.")) == ("error", True)

    def test_without_an_address_and_unasked_there_is_no_traffic(self, settings, monkeypatch):
        monkeypatch.setattr(surroundings.socket, "create_connection", lambda *_, **__: pytest.fail("traffic"))
        assert state("certificate") == "skipped"
        settings.SITE_URL = "https://books.example.org"
        assert found("certificate", outside=False) == [("skipped", "books.example.org was not asked.", "")]


@contextlib.contextmanager
def announcing(body, *, status=200):
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/latest"
        server.shutdown()


class TestVersion:
    def test_it_is_told_and_nobody_is_asked(self, settings, monkeypatch):
        settings.RELEASES_URL = "https://releases.example.org/latest"
        monkeypatch.setattr(surroundings, "newest_release", lambda url: pytest.fail("asked"))
        assert found("version") == [("ok", f"LifeOS {version.VERSION}.", "")]

    @pytest.mark.parametrize(
        ("newest", "expected"),
        [
            ("v99.0.0", ("notice", "There is a newer release: v99.0.0.")),
            (f"v{version.VERSION}", ("ok", f"There is no newer release; the newest is v{version.VERSION}.")),
            ("v0.9.10", ("ok", "There is no newer release; the newest is v0.9.10.")),
        ],
    )
    def test_a_newer_release_is_found_when_asked(self, settings, newest, expected):
        with announcing(json.dumps({"tag_name": newest})) as settings.RELEASES_URL:
            assert found("version", releases=True)[1][:2] == expected

    @pytest.mark.parametrize(
        ("body", "status", "reason"),
        [
            ("no", 200, "the answer is not JSON."),
            ("{}", 200, "the answer names no release (tag_name)."),
            ('{"tag_name": "<script>"}', 200, "the answer names no release (tag_name)."),
            ("{}", 503, "the server answered 503."),
        ],
    )
    def test_a_useless_answer_is_a_sentence(self, settings, body, status, reason):
        with announcing(body, status=status) as settings.RELEASES_URL:
            assert found("version", releases=True)[1][:2] == (
                "notice",
                f"Whether there is a newer release is not known: {reason}",
            )

    def test_no_network_and_no_address_are_sentences(self, settings, free_port):
        assert found("version", releases=True)[1][:2] == (
            "notice",
            "RELEASES_URL is empty, so there is nowhere to ask for a newer release.",
        )
        settings.RELEASES_URL = f"http://127.0.0.1:{free_port()}/"
        assert "the server cannot be reached (Connection refused)." in found("version", releases=True)[1][1]

    def test_the_release_is_what_the_deploy_wrote_or_the_image_carries(self, settings, tmp_path):
        version.release.cache_clear()
        settings.BASE_DIR = tmp_path
        assert version.described() == version.VERSION
        version.release.cache_clear()
        (tmp_path / "RELEASE").write_text("v1.4.0-3f2a91c04d11\n")
        assert version.described() == f"{version.VERSION} (v1.4.0-3f2a91c04d11)"
        version.release.cache_clear()
        settings.LIFEOS_RELEASE = "v1.4.0"
        assert version.described() == f"{version.VERSION} (v1.4.0)"
        version.release.cache_clear()

    def test_metrics_tell_it(self, client):
        line = f'lifeos_build_info{{release="",version="{version.VERSION}"}} 1.0'
        assert line in client.get("/metrics").content.decode()


class TestCommand:
    def test_text_names_each_check_and_what_to_do_and_an_error_ends_with_1(self, capsys):
        with pytest.raises(SystemExit) as ended:
            call_command("doctor")
        assert ended.value.code == 1
        lines = capsys.readouterr().out.splitlines()
        (at,) = [number for number, line in enumerate(lines) if "No worker runs" in line]
        assert lines[at].split()[:2] == ["ERROR", "Workers"]
        assert lines[at + 1].strip().startswith("→ Start one: ")

    def test_without_an_error_it_ends_with_0(self, capsys):
        a_worker()
        call_command("doctor")
        assert "ERROR" not in capsys.readouterr().out

    def test_json_is_for_machines(self, capsys):
        a_worker()
        call_command("doctor", "--format", "json")
        document = json.loads(capsys.readouterr().out)
        # A development installation without mail and backup.
        assert (document["status"], document["version"]) == ("notice", version.VERSION)
        (workers,) = [each for each in document["checks"] if each["name"] == "workers"]
        assert workers == {
            "name": "workers",
            "state": "ok",
            "findings": [{"state": "ok", "says": "1 worker is alive.", "todo": ""}],
        }

    def test_what_breaks_a_check_is_what_it_found_and_the_others_go_on(self, monkeypatch):
        def first_well(asked):
            yield Finding(state="ok", says="So far.")
            raise OperationalError("connection refused\nDETAIL: more")

        def broken(asked):
            raise RuntimeError("Nobody thought of this.")

        checks = {"a": ("A", first_well), "b": ("B", broken), "c": ("C", lambda asked: [registry.ok("Well.")])}
        monkeypatch.setattr(registry, "_checks", checks)
        results = doctor.examine(Asked())
        assert [[(str(each.state), each.says) for each in result.findings] for result in results] == [
            [
                ("ok", "So far."),
                ("error", "It cannot be looked at, because the database does not answer: connection refused"),
            ],
            [("error", "It could not be looked at: Nobody thought of this.")],
            [("ok", "Well.")],
        ]


class TestPage:
    @pytest.fixture
    def staff(self):
        return User.objects.create_user("olga@example.org", "correct horse battery", is_staff=True)

    @pytest.fixture
    def operator(self, staff):
        staff.user_permissions.add(Permission.objects.get(codename="run_doctor"))
        return staff

    def client_of(self, user):
        client = Client()
        client.force_login(user)
        return client

    def test_only_operators_with_its_permission_see_it(self, staff):
        assert Client().get(PAGE).status_code == 302
        member = User.objects.create_user("sam@example.org", "correct horse battery")
        assert self.client_of(member).get(PAGE).status_code == 302
        client = self.client_of(staff)
        assert (client.get(PAGE).status_code, client.post(PAGE, {"look": "mail"}).status_code) == (403, 403)
        assert PAGE not in client.get("/admin/").content.decode()
        assert mail.outbox == []

    def test_it_shows_what_the_command_says(self, operator):
        client = self.client_of(operator)
        text = client.get(PAGE).content.decode()
        assert "No worker runs: events, mails and webhooks wait." in text
        assert "docker-compose up -d lifeos-worker" in text
        assert "Something is wrong." in text
        index = client.get("/admin/").content.decode()
        assert PAGE in index
        assert f"<dt>LifeOS</dt><dd>{version.VERSION}</dd>" in index

    def test_looking_asks_nobody_outside(self, operator, settings, monkeypatch):
        settings.SITE_URL, settings.RELEASES_URL = "https://books.example.org", "https://releases.example.org"
        monkeypatch.setattr(surroundings.socket, "create_connection", lambda *_, **__: pytest.fail("traffic"))
        monkeypatch.setattr(surroundings, "newest_release", lambda url: pytest.fail("traffic"))
        assert "books.example.org was not asked." in self.client_of(operator).get(PAGE).content.decode()

    def test_a_test_mail_goes_to_whoever_asks(self, operator, settings):
        settings.EMAIL_HOST = "smtp.example.org"
        text = self.client_of(operator).post(PAGE, {"look": "mail", "to": "eve@example.org"}).content.decode()
        assert [sent.to for sent in mail.outbox] == [["olga@example.org"]]
        assert "took a mail to olga@example.org" in text

    def test_certificate_and_releases_are_asked_at_their_buttons(self, operator, settings, free_port):
        settings.SITE_URL = f"https://localhost:{free_port()}"
        client = self.client_of(operator)
        assert "does not answer over TLS" in client.post(PAGE, {"look": "outside"}).content.decode()
        assert (
            "RELEASES_URL is empty, so there is nowhere to ask for a newer release."
            in client.post(PAGE, {"look": "releases"}).content.decode()
        )

    def test_a_form_of_another_site_is_refused(self, operator):
        client = Client(enforce_csrf_checks=True)
        client.force_login(operator)
        assert client.post(PAGE, {"look": "mail"}).status_code == 403
