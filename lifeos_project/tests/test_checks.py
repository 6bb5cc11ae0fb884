"""Production refuses to start unsafe. Seen from outside, in processes of their own."""

import re
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class

from lifeos_project.checks.system_checks import misspelt
from lifeos_project.tests.services import bare_environment

pytestmark = pytest.mark.long

OWN = ("finance", "identity", "insights", "lifeos_project", "lifeos_project.backups", "platform_outbox")
SAFE = {
    "APP_ENV": "production",
    "SECRET_KEY": "u5mB0vJx3qYd8wKz1nRt6cLh9pGf2sAe4iXo7bQk",
    "JWT_SECRET_KEY": "Zt7pWq2xVn5kMb9rLc4yHd1gJf8sXa3eUo6iTz0w",
    "DATABASE_URL": "postgresql://lifeos:Vb7qLm2xTz9kRd4w@db.internal:5432/lifeos",
}


def outcome(*command, **variables):
    """Exit code and all output of a process that sees only `variables`."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=settings.BASE_DIR,
        env=bare_environment(**variables),
        capture_output=True,
        text=True,
        timeout=180,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_safe_production_passes_the_checks():
    code, output = outcome("manage.py", "check", **SAFE)
    assert (code, "no issues" in output) == (0, True), output


# Each round is one start with several faults at once: all of them are told, not the first only.
ROUNDS = [
    [
        ({"DEBUG": "true"}, "lifeos.E001", "DEBUG is on in production"),
        ({"SECRET_KEY": ""}, "lifeos.E002", "SECRET_KEY is missing in production"),
        ({"JWT_SECRET_KEY": ""}, "lifeos.E003", "JWT_SECRET_KEY is missing in production"),
        ({"SESSION_COOKIE_SECURE": "false"}, "lifeos.E004", "SESSION_COOKIE_SECURE is off"),
        ({"JWT_COOKIE_SECURE": "false"}, "lifeos.E005", "JWT_COOKIE_SECURE is off"),
        ({"DATABASE_URL": ""}, "lifeos.E006", "DATABASE_URL is missing"),
        ({"GRAFANA_PASSWORD": "grafana"}, "lifeos.E008", "everybody tries first"),
        ({"SLACK_WEBHOOK_URL": "hooks.slack.com/x"}, "lifeos.E009", "must begin with https://"),
        ({"PAGERDUTY_SERVICE_KEY": "..."}, "lifeos.E010", "PAGERDUTY_SERVICE_KEY is not an integration key"),
        ({"DEADMANSSWITCH_URL": "hc-ping.com/x"}, "lifeos.E021", "DEADMANSSWITCH_URL must begin with"),
        ({"ALERT_EMAIL_TO": "ops@example.org"}, "lifeos.E022", "there is no mail server"),
    ],
    [
        ({"SECRET_KEY": "k3Jx9vQ2"}, "lifeos.E002", "has 8 characters, at least 32 are needed"),
        ({"JWT_SECRET_KEY": "jwt-dev-secret-key-jwt-dev-secret-key"}, "lifeos.E003", "a value from the examples"),
    ],
    [
        ({"SECRET_KEY": "x" * 40}, "lifeos.E002", "too uniform"),
        ({"JWT_SECRET_KEY": "passwordpasswordpassword1passwordpassword"}, "lifeos.E003", "too uniform"),
    ],
    [
        ({"JWT_SECRET_KEY": SAFE["SECRET_KEY"]}, "lifeos.E007", "are the same"),
        ({"POSTGRES_PASSWORD": "lifeos-app"}, "lifeos.E020", "POSTGRES_PASSWORD is a value from the examples"),
        (
            {"REDIS_URL": "redis://:$(openssl@redis/0"},
            "lifeos.E020",
            "The password of REDIS_URL is a value from the examples",
        ),
    ],
]


@pytest.mark.parametrize("faults", ROUNDS, ids=lambda faults: " ".join(check_id for _, check_id, _ in faults))
def test_an_unsafe_production_is_refused_with_every_reason(faults):
    changes = {name: value for change, _, _ in faults for name, value in change.items()}
    code, output = outcome("manage.py", "check", "--tag", "lifeos", **{**SAFE, **changes})
    assert code != 0
    for _, check_id, sentence in faults:
        assert check_id in output
        assert sentence in output
    assert set(re.findall(r"lifeos\.E\d{3}", output)) == {check_id for _, check_id, _ in faults}
    assert "Traceback" not in output


def test_commands_check_the_settings_and_leave_the_code_alone():
    """All of Django's checks import every page, which takes longer than most commands."""
    own = {name: load_command_class(app, name) for name, app in get_commands().items() if app in OWN}
    checked = {name: set(command.requires_system_checks) for name, command in own.items()}
    assert len(checked) > 30
    assert {name: tags for name, tags in checked.items() if tags - {"lifeos", "database"}} == {}
    # It stays what refuses an unsafe production; the rest explain faults of settings, or work without any.
    assert {name for name, tags in checked.items() if "lifeos" not in tags} == {
        "check_distributable", "doctor", "messages", "preflight", "restore", "run_local", "settings_docs",
    }  # fmt: skip


def test_gunicorn_refuses_an_unsafe_production_before_it_listens():
    code, output = outcome(
        "-m", "gunicorn", "-c", "compose/gunicorn.conf.py", **{**SAFE, "DEBUG": "true", "GUNICORN_BIND": "127.0.0.1:0"}
    )
    assert code != 0
    assert "lifeos.E001" in output
    assert "Listening" not in output
    assert "Traceback" not in output


def test_any_other_web_server_meets_the_same_refusal():
    code, output = outcome("-c", "import lifeos_project.wsgi", **{**SAFE, "SECRET_KEY": ""})
    assert (code, "lifeos.E002" in output, "Traceback" in output) == (1, True, False), output


def test_a_misspelt_value_is_one_sentence_for_every_command():
    code, output = outcome("manage.py", "migrate", DEBUG="flase")
    assert (code, output.strip()) == (1, "LifeOS does not start: DEBUG is “flase”, but must be true or false.")


def test_a_misspelt_variable_is_pointed_out():
    known = {"ENABLE_INSIGHTS", "DATABASE_URL"}
    found = list(misspelt({"ENABLE_INSIGTHS", "HOME", "DATABASE_URL"}, known=known))
    assert [(message.id, message.hint) for message in found] == [("lifeos.W001", "Did you mean ENABLE_INSIGHTS?")]


def test_a_name_whose_neighbour_is_set_is_left_alone():
    assert list(misspelt({"DATABASE_URI", "DATABASE_URL"}, known={"DATABASE_URL"})) == []
