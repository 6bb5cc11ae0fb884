"""Strict reading of variables."""

import re

import pytest
from django.conf import global_settings
from django.core.exceptions import ImproperlyConfigured

from lifeos_project import settings as settings_module
from lifeos_project.environment import Environment
from lifeos_project.management import settings_docs


@pytest.fixture
def env():
    return Environment()


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("no", False), ("FALSE", False)])
def test_a_flag_reads_the_usual_words(env, monkeypatch, text, value):
    monkeypatch.setenv("DEBUG", text)
    assert env.flag("DEBUG", not value, meaning="") is value


def test_a_flag_that_is_neither_true_nor_false_is_refused_by_name(env, monkeypatch):
    monkeypatch.setenv("DEBUG", "flase")
    with pytest.raises(ImproperlyConfigured, match=r"^DEBUG is “flase”, but must be true or false\.$"):
        env.flag("DEBUG", False, meaning="")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("two", "GUNICORN_WORKERS is “two”, but must be a whole number."),
        ("2.5", "GUNICORN_WORKERS is “2.5”, but must be a whole number."),
        ("0", "GUNICORN_WORKERS is 0, but must be at least 1."),
    ],
)
def test_a_whole_number_is_checked(env, monkeypatch, text, sentence):
    monkeypatch.setenv("GUNICORN_WORKERS", text)
    with pytest.raises(ImproperlyConfigured) as caught:
        env.whole("GUNICORN_WORKERS", 2, minimum=1, meaning="")
    assert str(caught.value) == sentence


@pytest.mark.parametrize("text", ["nan", "-1", "soon"])
def test_a_number_that_is_none_is_refused(env, monkeypatch, text):
    monkeypatch.setenv("WORKER_POLL_INTERVAL", text)
    with pytest.raises(ImproperlyConfigured, match=r"^WORKER_POLL_INTERVAL is "):
        env.number("WORKER_POLL_INTERVAL", 5, minimum=0.1, meaning="")


def test_a_choice_outside_the_list_is_refused(env, monkeypatch):
    monkeypatch.setenv("APP_ENV", "prod")
    with pytest.raises(ImproperlyConfigured, match="must be one of: development, production"):
        env.text("APP_ENV", "development", choices=["development", "production"], meaning="")


def test_an_empty_variable_counts_as_unset(env, monkeypatch):
    monkeypatch.setenv("GUNICORN_WORKERS", " ")
    assert env.whole("GUNICORN_WORKERS", 2, meaning="") == 2


def test_names_are_split_and_trimmed(env, monkeypatch):
    monkeypatch.setenv("ALLOWED_HOSTS", "a.example, b.example,")
    assert env.names("ALLOWED_HOSTS", meaning="") == ["a.example", "b.example"]


def test_an_isolated_environment_lets_only_the_named_through(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/live")
    monkeypatch.setenv("TEST_DATABASE_URL", "postgresql://here/test")
    env = Environment(isolated=True, let_through=["TEST_DATABASE_URL"])
    assert env.text("DATABASE_URL", meaning="") == ""
    assert env.text("TEST_DATABASE_URL", meaning="") == "postgresql://here/test"


def test_a_file_fills_what_the_process_does_not_have(env, monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("STATSD_PREFIX=file\nSTATSD_HOST=file\n")
    monkeypatch.setenv("STATSD_PREFIX", "process")
    env.load_file(tmp_path / ".env")
    assert env.text("STATSD_PREFIX", meaning="") == "process"
    assert env.text("STATSD_HOST", meaning="") == "file"
    assert {"STATSD_HOST", "STATSD_PREFIX"} <= env.names_present()


def test_the_configuration_page_is_the_one_written_from_the_settings():
    variables = list(settings_module.env.declared.values())
    page = (settings_module.BASE_DIR / "docs" / "configuration.md").read_text()
    assert page == settings_docs.configuration_page(variables), "run: manage.py settings_docs"
    example = (settings_module.BASE_DIR / ".env.example").read_text()
    containers = settings_docs.container_variables(settings_module.BASE_DIR)
    assert example == settings_docs.example_file(variables, containers=containers), "run: manage.py settings_docs"


def test_every_variable_is_read_by_something():
    """By Django, whose setting it is, by our code, or by a file of the containers."""
    root = settings_module.BASE_DIR
    apps = ("lifeos_project", "identity", "platform_outbox", "finance", "insights")
    files = [path for app in apps for path in (root / app).rglob("*.py") if "tests" not in path.parts]
    files += [path for path in (root / "compose").rglob("*") if path.is_file()] + list(root.glob("docker-compose*.yml"))
    declaring = {root / "lifeos_project" / name for name in ("variables.py", "test_settings.py")}
    words = {
        word
        for path in set(files) - declaring
        for word in re.findall(r"[A-Z][A-Z0-9_]+", path.read_text(errors="ignore"))
    }
    # Variables that decide about other variables are used where they are declared.
    words |= {"APP_ENV"}
    unread = [name for name in settings_module.env.declared if name not in words and not hasattr(global_settings, name)]
    assert unread == []


def test_every_variable_of_the_operations_guide_is_declared():
    guide = """APP_ENV DEBUG SECRET_KEY JWT_SECRET_KEY SESSION_COOKIE_SECURE JWT_COOKIE_SECURE SESSION_COOKIE_SAMESITE
        DATABASE_URL POSTGRES_PASSWORD REDIS_URL GUNICORN_WORKERS GUNICORN_THREADS GUNICORN_TIMEOUT
        GUNICORN_MAX_REQUESTS STATSD_HOST STATSD_PREFIX ENABLE_INSIGHTS ENABLE_ML WORKER_BATCH_SIZE
        WORKER_POLL_INTERVAL WORKER_MAX_ATTEMPTS OUTBOX_BACKOFF_MULTIPLIER GUNICORN_LOGLEVEL WORKER_LOGLEVEL
        GRAFANA_PASSWORD SLACK_WEBHOOK_URL PAGERDUTY_SERVICE_KEY RUN_MIGRATIONS"""
    assert set(guide.split()) <= settings_module.env.declared.keys()
