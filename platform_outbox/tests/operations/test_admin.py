import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from platform_outbox import testing
from platform_outbox.models import Worker
from platform_outbox.operations import runs, services
from platform_outbox.operations.models import OperationRun
from platform_outbox.tests.probe.models import Effect, Fault

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]

LIST = reverse("admin:platform_operation_operationrun_changelist")
START = reverse("admin:platform_operation_start", args=["probe.count"])


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def staff(client):
    user = get_user_model().objects.create_user(email="vera@example.org", password="x", is_staff=True)
    client.force_login(user)
    return user


@pytest.fixture
def operator(staff):
    staff.user_permissions.add(Permission.objects.get(codename="add_effect"))
    return staff


@pytest.fixture
def run(db):
    return services.start(name="probe.count", given={"key": "a", "to": 3}, by="Olga")


def page(run, name="platform_operation_operationrun_change"):
    return reverse(f"admin:{name}", args=[run.pk])


def test_nobody_else_sees_or_starts_anything(client, run):
    household = get_user_model().objects.create_user(email="sam@example.org", password="x")
    for user in (None, household):
        if user:
            client.force_login(user)
        for url in (LIST, START, page(run), page(run, "platform_operation_progress")):
            response = client.get(url)
            assert response.status_code == 302
            assert response["Location"].startswith(reverse("admin:login"))
        for name in ("platform_operation_cancel", "platform_operation_resume"):
            assert client.post(page(run, name)).status_code == 302
    assert OperationRun.objects.get().state == "requested"


def test_staff_without_any_permission_sees_no_run(client, staff, run):
    for address in (LIST, START, page(run), page(run, "platform_operation_progress")):
        assert client.get(address).status_code == 403, address
    assert client.post(page(run, "platform_operation_cancel")).status_code == 403
    assert OperationRun.objects.get().state == "requested"


def test_who_may_start_one_operation_sees_no_run_of_another(client, operator, run):
    OperationRun.objects.create(
        operation="books.export", by="Olga", requested_at=timezone.now(), parameters={}, dry_run=False
    )
    assert list(client.get(LIST).context["cl"].queryset) == [run]
    other = OperationRun.objects.exclude(pk=run.pk).get()
    assert client.get(page(other)).status_code == 404
    assert client.get(page(other, "platform_operation_progress")).status_code == 404


def test_staff_with_the_view_permission_looks_and_does_not_act(client, staff, run):
    staff.user_permissions.add(Permission.objects.get(codename="view_operationrun"))
    assert "Count to" not in client.get(LIST).content.decode()
    assert client.get(page(run)).status_code == 200
    assert "Cancel this run" not in client.get(page(run)).content.decode()
    assert client.get(START).status_code == 403
    assert client.post(START, {"key": "b"}).status_code == 403
    assert client.post(page(run, "platform_operation_cancel")).status_code == 403
    assert OperationRun.objects.get().state == "requested"


def test_an_operator_starts_an_operation_and_sees_what_came_of_it(client, operator, django_assert_max_num_queries):
    assert "Writes one effect for each number." in client.get(LIST).content.decode()
    assert "Count to" in client.get(START).content.decode()

    response = client.post(START, {"key": "a", "to": "3", "pause": "0"})
    run = OperationRun.objects.get()
    assert response["Location"] == page(run)
    assert (run.by, run.parameters, run.dry_run) == ("vera@example.org", {"key": "a", "to": 3, "pause": 0}, False)
    assert LogEntry.objects.get().change_message == "Started"
    waiting = client.get(page(run)).content.decode()
    assert "Waiting for a worker" in waiting
    assert page(run, "platform_operation_progress") in waiting

    testing.drain()

    with django_assert_max_num_queries(30):
        shown = client.get(page(run)).content.decode()
    assert "Done" in shown
    assert "numbers" in shown
    assert page(run, "platform_operation_progress") not in shown  # nothing is left to wait for
    assert Effect.objects.count() == 3
    with django_assert_max_num_queries(30):
        assert "100 %" in client.get(LIST).content.decode()


def test_the_form_says_what_is_wrong_by_field(client, operator):
    shown = client.post(START, {"key": "", "to": "many"}).content.decode()
    assert "This field is required." in shown
    assert "Enter a whole number." in shown
    assert not OperationRun.objects.exists()


def test_a_second_run_of_the_same_is_refused_with_the_number_of_the_first(client, operator, run):
    shown = client.post(START, {"key": "a", "to": "3", "pause": "0"}).content.decode()
    assert f"run {run.pk}, started by Olga" in shown
    assert OperationRun.objects.count() == 1


def test_a_dry_run_is_what_the_form_offers_first(client, operator):
    client.post(START, {"key": "a", "to": "3", "pause": "0", "dry_run": "on"})
    testing.drain()
    assert OperationRun.objects.get().dry_run is True
    assert not Effect.objects.exists()


def test_cancel_and_go_on(client, operator, run):
    client.post(page(run, "platform_operation_cancel"))
    assert OperationRun.objects.get().state == "cancelled"
    assert "Resume this run" in client.get(page(run)).content.decode()
    client.post(page(run, "platform_operation_resume"))
    testing.drain()
    assert OperationRun.objects.get().state == "done"
    assert set(LogEntry.objects.values_list("change_message", flat=True)) == {"cancelled", "resumed"}
    response = client.post(page(run, "platform_operation_cancel"), follow=True)
    assert "Done already" in response.content.decode()
    assert client.get(page(run, "platform_operation_cancel")).status_code == 405


def test_a_failure_is_shown_with_its_log(client, operator, run):
    Fault.objects.create(handler="probe.count", key="a", number=1, times=-1)
    testing.drain()
    shown = client.get(page(run)).content.decode()
    assert "ValueError: 1 is not liked" in shown
    assert "Traceback" in shown


def test_files_go_in_and_come_out_for_those_who_may(client, operator):
    url = reverse("admin:platform_operation_start", args=["probe.echo"])
    client.post(url, {"file": SimpleUploadedFile("../../etc/note.txt", b"hello")})
    testing.drain()
    run = OperationRun.objects.get()
    assert (run.state, run.result) == ("done", {"file": "echo.txt"})
    fetch = reverse("admin:platform_operation_file", args=[run.pk, "echo.txt"])
    assert fetch in client.get(page(run)).content.decode()
    response = client.get(fetch)
    assert (response.getvalue(), response["Content-Disposition"]) == (b"HELLO", 'attachment; filename="echo.txt"')
    assert [path.stat().st_mode & 0o777 for path in runs.left_by(run.pk)] == [0o600]
    for other in ("..", "given", "nothing.txt", ".echo.txt"):
        assert client.get(f"/admin/platform_operation/operationrun/{run.pk}/files/{other}/").status_code == 404

    operator.user_permissions.clear()
    client.force_login(get_user_model().objects.get(pk=operator.pk))
    assert client.get(fetch).status_code == 403


def test_what_does_not_exist_is_not_found(client, operator):
    assert client.get(reverse("admin:platform_operation_start", args=["probe.dance"])).status_code == 404
    assert client.get("/admin/platform_operation/operationrun/7/change/").status_code == 404
    assert client.get("/admin/platform_operation/operationrun/x/change/").status_code == 404
    assert client.get("/admin/platform_operation/operationrun/7/progress/").status_code == 404


def test_without_a_worker_every_page_says_that_none_runs_and_what_to_do(client, operator, run):
    for url in (LIST, START, page(run), page(run, "platform_operation_progress")):
        text = client.get(url).content.decode()
        assert "No worker is running" in text
        assert "docker-compose up -d lifeos-worker" in text
    Worker.objects.create(name="w", broker="in-process", started_at=timezone.now(), heartbeat_at=timezone.now())
    for url in (LIST, START, page(run), page(run, "platform_operation_progress")):
        assert "No worker is running" not in client.get(url).content.decode()


def test_a_run_that_is_over_needs_no_worker(client, operator, run):
    OperationRun.objects.update(state="done")
    assert "No worker is running" not in client.get(page(run)).content.decode()


@pytest.mark.parametrize(
    ("state", "done", "total", "percent", "told"),
    [
        ("running", 6, 8, 75, "6 of 8"),
        # More than was expected is not all.
        ("running", 9, 8, 99, "9 of 8"),
        ("running", 1999, 2000, 99, "1,999 of 2,000"),
        ("failed", 8, 8, 99, "8 of 8"),
        ("done", 6, 8, 100, "6 of 6"),
    ],
)
def test_percent_and_steps_agree_and_only_what_is_done_is_at_100(
    client, operator, run, state, done, total, percent, told
):
    OperationRun.objects.update(state=state, done=done, total=total)
    run.refresh_from_db()
    assert run.percent == percent
    text = client.get(page(run)).content.decode()
    assert told in text
    assert f'value="{percent}"' in text
