"""/api/v1/books/<book>/insights/: who may read and act, paging, filters, answers."""

import datetime

import pytest
from rest_framework.test import APIClient

from insights.models import Insight, MutedPayee
from insights.services import evaluate
from insights.tests.conftest import NOW

pytestmark = pytest.mark.django_db

ACTIONS = ["seen", "dismiss", "reopen", "mute-payee", "snooze"]


def _client(user=None):
    client = APIClient()
    if user is not None:
        client.force_authenticate(user)
    return client


@pytest.fixture
def url(insight):
    return f"/api/v1/books/{insight.book_id}/insights/"


def test_the_feed_tells_each_finding_in_a_sentence_with_its_figures(url, insight, owner):
    answer = _client(owner).get(url)
    assert answer.status_code == 200
    [found] = [each for each in answer.json()["results"] if each["kind"] == "unusual_amount"]
    assert found["sentence"] == ("Stadtwerke took €320.00 on Mar 10, 2026; usually about €80 (median of 6 payments).")
    assert found["figures"]["amount"] == {"amount": "320.00", "currency": "EUR"}
    assert (found["state"], found["severity"], found["subject_date"]) == ("new", "notice", "2026-03-10")


def test_an_insight_is_told_with_the_entries_that_prove_it(url, insight, owner, django_assert_max_num_queries):
    client = _client(owner)
    with django_assert_max_num_queries(7):
        found = client.get(f"{url}{insight.pk}/").json()
    subject = found["evidence"][0]
    assert (subject["role"], subject["date"], subject["payee"]) == ("subject", "2026-03-10", "Stadtwerke")
    assert (subject["amount"], subject["currency"], subject["stands"]) == ("320.00", "EUR", True)
    assert len(found["evidence"]) == 7
    assert found["thresholds"]["times_percent"] == 150


def test_nobody_without_sign_in_learns_anything(url, insight):
    assert _client().get(url).status_code == 401
    assert _client().get(f"{url}{insight.pk}/").status_code == 401
    assert _client().post(f"{url}{insight.pk}/dismiss/").status_code == 401


def test_for_a_stranger_the_book_does_not_exist(url, insight, stranger):
    client = _client(stranger)
    answers = [client.get(url), client.get(f"{url}{insight.pk}/")]
    answers += [client.post(f"{url}{insight.pk}/{action}/", {}, format="json") for action in ACTIONS]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "not_found")}


def test_a_viewer_reads_and_does_not_act(url, insight, viewer):
    client = _client(viewer)
    assert client.get(url).status_code == 200
    assert client.get(f"{url}{insight.pk}/").status_code == 200
    for action in ACTIONS:
        answer = client.post(f"{url}{insight.pk}/{action}/", {}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    insight.refresh_from_db()
    assert insight.state == "new"
    assert not MutedPayee.objects.exists()


@pytest.mark.parametrize(("action", "state"), [("seen", "seen"), ("dismiss", "dismissed"), ("mute-payee", "dismissed")])
@pytest.mark.parametrize("who", ["editor", "owner"])
def test_editors_and_owners_act(url, insight, request, who, action, state):
    answer = _client(request.getfixturevalue(who)).post(f"{url}{insight.pk}/{action}/", {}, format="json")
    assert (answer.status_code, answer.json()["state"]) == (200, state)
    insight.refresh_from_db()
    assert insight.state == state
    assert insight.state_changed_by == request.getfixturevalue(who)


def test_another_books_insight_is_not_found_under_ones_own_book(insight, ledger, stranger):
    own = ledger.create_book(owner=stranger, name="Own", base_currency="EUR", time_zone="Europe/Berlin")
    answer = _client(stranger).get(f"/api/v1/books/{own.pk}/insights/{insight.pk}/")
    assert answer.status_code == 404


def test_a_snoozed_insight_leaves_the_feed_and_comes_back_on_its_day(url, insight, editor, monkeypatch):
    client = _client(editor)
    answer = client.post(f"{url}{insight.pk}/snooze/", {"until": "2026-03-20"}, format="json")
    assert (answer.status_code, answer.json()["snoozed_until"]) == (200, "2026-03-20")
    assert insight.pk not in _ids(client.get(url))
    assert insight.pk in _ids(client.get(url, {"state": "seen"}))

    later = NOW + datetime.timedelta(days=5)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    assert insight.pk in _ids(client.get(url))


@pytest.mark.parametrize("body", [{}, {"until": "2026-03-15"}, {"until": "soon"}, {"until": "2026-03-20", "x": 1}])
def test_a_snooze_needs_a_day_ahead(url, insight, editor, body):
    answer = _client(editor).post(f"{url}{insight.pk}/snooze/", body, format="json")
    assert answer.status_code == 400
    assert answer.json()["fields"]


def test_a_dismissed_insight_cannot_be_put_off_but_opened_again(url, insight, editor):
    client = _client(editor)
    client.post(f"{url}{insight.pk}/dismiss/", {}, format="json")
    answer = client.post(f"{url}{insight.pk}/snooze/", {"until": "2026-03-20"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert client.post(f"{url}{insight.pk}/reopen/", {}, format="json").json()["state"] == "seen"


def test_fine_for_this_payee_keeps_this_kind_away_and_no_other(url, insight, book, editor, spend):
    _client(editor).post(f"{url}{insight.pk}/mute-payee/", {}, format="json")
    again = [spend(500_00, payee="STADTWERKE", on=datetime.date(2026, 3, 12)) for _ in range(2)]
    evaluate(book_id=book.pk, entry_ids=[entry.pk for entry in again], now=NOW)
    about_payee = Insight.objects.open().filter(payee_key="stadtwerke")
    assert list(about_payee.values_list("kind", flat=True)) == ["possible_duplicate"]


def test_what_is_not_about_a_payee_cannot_be_muted(url, insight, editor):
    category = Insight.objects.get(kind="category_above_usual")
    answer = _client(editor).post(f"{url}{category.pk}/mute-payee/", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_the_feed_is_filtered_by_state_kind_and_severity(url, insight, owner):
    client = _client(owner)
    assert _ids(client.get(url, {"kind": "unusual_amount"})) == [insight.pk]
    assert _ids(client.get(url, {"severity": "warning"})) == []
    assert _ids(client.get(url, {"state": "dismissed"})) == []
    assert insight.pk in _ids(client.get(url, {"state": "all"}))
    assert client.get(url, {"kind": "gossip"}).status_code == 400
    assert client.get(url, {"knd": "unusual_amount"}).status_code == 400


def test_pages_follow_each_other_without_gap_or_repetition(url, insight, book, owner, django_assert_max_num_queries):
    _many(book, 25)
    client, seen, next_url = _client(owner), [], f"{url}?limit=10"
    while next_url:
        with django_assert_max_num_queries(5):
            page = client.get(next_url).json()
        seen += [each["id"] for each in page["results"]]
        next_url = page["next"]
    expected = Insight.objects.open().order_by("-subject_date", "-id").values_list("pk", flat=True)
    assert seen == list(expected)
    assert len(seen) >= 26


def test_switched_off_the_api_says_so(url, insight, owner, settings):
    settings.ENABLE_INSIGHTS = False
    answer = _client(owner).get(url)
    assert (answer.status_code, answer.json()["code"]) == (404, "insights_off")
    assert answer.json()["detail"] == "Insights are switched off here."


def _ids(answer):
    assert answer.status_code == 200, answer.content
    return [each["id"] for each in answer.json()["results"]]


def _many(book, count):
    template = Insight.objects.filter(book=book).first()
    for number in range(count):
        template.pk, template.dedup_key = None, f"copy {number}"
        template.subject_date = datetime.date(2026, 3, 1) + datetime.timedelta(days=number // 5)
        template._state.adding = True
        template.save()
