"""The operator's pages: insights read only, rules with thresholds and a preview."""

import pytest

from identity.models import User
from insights.models import RuleSetting

pytestmark = pytest.mark.django_db

RULES = "/admin/insights/rulesetting/"


@pytest.fixture
def operator(client):
    user = User.objects.create_superuser("operator@example.org", "correct horse battery")
    client.force_login(user)
    return user


def test_insights_are_shown_and_cannot_be_changed(client, operator, insight):
    assert "Stadtwerke took" in client.get("/admin/insights/insight/").content.decode()
    page = client.get(f"/admin/insights/insight/{insight.pk}/change/")
    assert page.status_code == 200
    assert client.get("/admin/insights/insight/add/").status_code == 403
    assert client.post(f"/admin/insights/insight/{insight.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_list_asks_as_often_for_many_as_for_one(client, operator, insight, book, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        client.get("/admin/insights/insight/")


def test_a_rule_is_switched_and_tuned_for_one_book(client, operator, book):
    answer = client.post(
        f"{RULES}add/",
        {"kind": "possible_duplicate", "book": book.pk, "enabled": "false", "thresholds": '{"days": 5}'},
    )
    assert answer.status_code == 302, answer.content.decode()
    setting = RuleSetting.objects.get()
    assert (setting.kind, setting.book, setting.enabled, setting.thresholds) == (
        "possible_duplicate",
        book,
        False,
        {"days": 5},
    )
    assert client.get(RULES).status_code == 200
    page = client.get(f"{RULES}{setting.pk}/change/").content.decode()
    assert '<option value="false" selected>off</option>' in page
    assert "days between payments (at most)" in page


@pytest.mark.parametrize(
    ("thresholds", "said"),
    [
        ('{"dayz": 5}', "dayz: There is no such threshold."),
        ('{"days": 60}', "days: It must be from 0 to 6."),
        ("[1]", "thresholds: It must be a JSON object of names and values."),
    ],
)
def test_thresholds_that_the_rule_cannot_use_are_refused(client, operator, thresholds, said):
    answer = client.post(f"{RULES}add/", {"kind": "possible_duplicate", "enabled": "", "thresholds": thresholds})
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert not RuleSetting.objects.exists()


def test_a_rule_has_one_setting_per_installation_and_book(client, operator, book):
    RuleSetting.objects.create(kind="possible_duplicate")
    answer = client.post(f"{RULES}add/", {"kind": "possible_duplicate", "enabled": "true", "thresholds": "{}"})
    assert answer.status_code == 200
    assert RuleSetting.objects.count() == 1


def test_the_preview_tells_what_other_thresholds_would_have_raised(client, operator, insight, book):
    query = {"kind": "unusual_amount", "book": book.pk, "months": 12}
    page = client.get(f"{RULES}preview/", {**query, "thresholds": "{}"}).content.decode()
    assert "1 insight<" in page
    assert "Stadtwerke took €320.00" in page
    page = client.get(f"{RULES}preview/", {**query, "thresholds": '{"times_percent": 900}'}).content.decode()
    assert "0 insights" in page
    assert "as the rule is set now, it is 1" in page


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"thresholds": '{"x": 1}'}, "x: There is no such threshold."),
        ({"book": 0}, "greater than or equal to 1"),
        ({"book": 999_999}, "There is no such book."),
        ({"months": 99}, "less than or equal to 24"),
    ],
)
def test_the_preview_refuses_what_it_cannot_show(client, operator, book, query, said):
    page = client.get(
        f"{RULES}preview/", {"kind": "unusual_amount", "book": book.pk, "months": 12, "thresholds": "{}", **query}
    )
    assert page.status_code == 200
    assert said in page.content.decode()


def test_the_preview_starts_from_a_stored_setting(client, operator):
    setting = RuleSetting.objects.create(kind="possible_duplicate", thresholds={"days": 5})
    page = client.get(f"{RULES}preview/", {"kind": setting.kind, "setting": setting.pk}).content.decode()
    assert "&quot;days&quot;: 5" in page


def test_people_who_are_no_operators_see_nothing(client, owner, insight):
    client.force_login(owner)
    assert client.get(f"{RULES}preview/").status_code == 302
    assert client.get("/admin/insights/insight/").status_code == 302
