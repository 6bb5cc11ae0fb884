"""A household decides what it wants to hear of; what it leaves alone follows the installation."""

import pytest

from insights.models import Insight, RuleSetting
from insights.rules.thresholds import ThresholdsInvalid
from insights.services import set_rule, snooze
from insights.switches import switches_of
from insights.tests.conftest import NOW
from insights.tests.test_api import _client

pytestmark = pytest.mark.django_db
KIND = "possible_duplicate"


@pytest.fixture
def url(book, clock):
    return f"/b/{book.pk}/insights/"


@pytest.fixture
def api_url(book, clock):
    return f"/api/v1/books/{book.pk}/insights/rules/"


def test_only_what_differs_from_the_installation_is_stored(book):
    RuleSetting.objects.create(book=None, kind=KIND, thresholds={"days": 2})

    switch = set_rule(book_id=book.pk, kind=KIND, enabled=True, thresholds={"days": 2, "usual_pairs": 5})

    own = RuleSetting.objects.get(book=book)
    assert (own.enabled, own.thresholds) == (None, {"usual_pairs": 5})
    assert (switch.thresholds.days, switch.thresholds.usual_pairs) == (2, 5)

    set_rule(book_id=book.pk, kind=KIND, enabled=True, thresholds={"usual_pairs": 2})
    assert not RuleSetting.objects.filter(book=book).exists()


def test_switching_off_and_on_again(book):
    assert set_rule(book_id=book.pk, kind=KIND, enabled=False, thresholds={}).enabled is False
    assert switches_of(book_id=None)[KIND].enabled is True
    assert set_rule(book_id=book.pk, kind=KIND, enabled=True, thresholds={}).enabled is True
    assert not RuleSetting.objects.exists()


def test_a_threshold_that_cannot_be_used_changes_nothing(book):
    with pytest.raises(ThresholdsInvalid, match="from 0 to 6"):
        set_rule(book_id=book.pk, kind=KIND, enabled=False, thresholds={"days": 99})
    assert not RuleSetting.objects.exists()


def test_the_page_shows_each_rule_and_changes_one(client, url, book, editor):
    client.force_login(editor)
    html = client.get(f"{url}rules/").content.decode()
    assert html.count('name="rule"') == 5
    assert "Days between payments (at most)" in html

    amounts = {f"{KIND}-minimum_amount.EUR": "12.50"}
    data = {"rule": KIND, f"{KIND}-days": "1", f"{KIND}-usual_pairs": "2", **amounts}
    answer = client.post(f"{url}rules/", data)

    assert answer["Location"] == f"{url}rules/"
    switch = switches_of(book_id=book.pk)[KIND]
    assert (switch.enabled, switch.thresholds.days) == (False, 1)
    assert switch.thresholds.amount("minimum_amount", "EUR") == 12_50
    assert switch.thresholds.amount("minimum_amount", "USD") > 0  # other currencies stay


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [("days", "99", "less than or equal to 6"), ("minimum_amount.EUR", "-3", "must not be negative")],
)
def test_a_wrong_threshold_is_said_at_its_field(client, url, editor, field, typed, sentence):
    client.force_login(editor)
    data = {"rule": KIND, f"{KIND}-days": "1", f"{KIND}-usual_pairs": "2", f"{KIND}-minimum_amount.EUR": "5"}
    html = client.post(f"{url}rules/", data | {f"{KIND}-{field}": typed}).content.decode()
    assert sentence in html
    assert f'id="id_{KIND}-{field}_error"' in html
    assert not RuleSetting.objects.exists()


@pytest.mark.parametrize(
    ("person", "seen", "changed"),
    [(None, 302, 302), ("stranger", 404, 404), ("viewer", 200, 403), ("editor", 200, 302), ("owner", 200, 302)],
)
def test_members_see_the_rules_and_editors_change_them(client, url, request, person, seen, changed):
    if person:
        client.force_login(request.getfixturevalue(person))
    assert client.get(f"{url}rules/").status_code == seen
    data = {"rule": "low_balance_ahead"}
    form = client.get(f"{url}rules/").context
    if form is not None and seen == 200:
        rule = next(one for one in form["forms"] if one.kind == "low_balance_ahead")
        data |= {f"{rule.prefix}-{name}": field.initial for name, field in rule.fields.items() if name != "enabled"}
    assert client.post(f"{url}rules/", data).status_code == changed


@pytest.mark.parametrize(
    ("person", "read", "written"),
    [(None, 401, 401), ("stranger", 404, 404), ("viewer", 200, 403), ("editor", 200, 200), ("owner", 200, 200)],
)
def test_the_same_over_the_api(api_url, request, person, read, written):
    client = _client(request.getfixturevalue(person) if person else None)
    assert client.get(api_url).status_code == read
    answer = client.patch(f"{api_url}{KIND}/", {"enabled": False, "thresholds": {"days": 1}}, format="json")
    assert answer.status_code == written
    if written == 200:
        assert answer.json()["thresholds"]["days"] == 1
        assert [rule["enabled"] for rule in client.get(api_url).json() if rule["kind"] == KIND] == [False]


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        (f"{KIND}/", {"thresholds": {"days": 99}}, 400, "thresholds.days"),
        (f"{KIND}/", {"thresholds": {"hours": 1}}, 400, "thresholds.hours"),
        (f"{KIND}/", {"on": True}, 400, "on"),
        ("weather/", {"enabled": True}, 404, None),
    ],
)
def test_what_cannot_be_set_is_named(api_url, editor, path, body, status, field):
    answer = _client(editor).patch(f"{api_url}{path}", body, format="json")
    assert answer.status_code == status
    assert field is None or field in answer.content.decode()


@pytest.fixture
def snoozed(insight, editor):
    return snooze(insight=insight, actor=editor, until=NOW.date().replace(day=20), on=NOW.date(), now=NOW)


def test_snoozed_insights_are_listed_and_can_be_shown_again(client, url, snoozed, editor):
    client.force_login(editor)
    link = f'href="{url}{snoozed.pk}/"'
    assert link not in client.get(url).content.decode()
    listed = client.get(url, {"state": "snoozed"}).content.decode()
    assert link in listed
    assert "snoozed until" in listed

    answer = client.post(f"{url}{snoozed.pk}/wake/", follow=True)

    assert "It is shown again." in answer.content.decode()
    assert link in client.get(url).content.decode()
    assert Insight.objects.get(pk=snoozed.pk).snoozed_until is None
    assert client.post(f"{url}{snoozed.pk}/wake/").status_code == 302  # once more changes nothing


def test_snoozed_insights_over_the_api(book, snoozed, editor, viewer):
    base = f"/api/v1/books/{book.pk}/insights/"
    assert [row["id"] for row in _client(viewer).get(base, {"state": "snoozed"}).json()["results"]] == [snoozed.pk]
    assert _client(viewer).post(f"{base}{snoozed.pk}/wake/").status_code == 403
    assert _client(editor).post(f"{base}{snoozed.pk}/wake/").json()["snoozed_until"] is None
    assert _client(viewer).get(base, {"state": "snoozed"}).json()["results"] == []
