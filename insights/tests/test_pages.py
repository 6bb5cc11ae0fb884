import datetime
import re

import pytest
from django.template import Context, Template

from insights.models import Insight, MutedPayee
from insights.selectors import unread_count
from insights.services import dismiss, mute_payee
from insights.tests.conftest import NOW
from insights.tests.test_api import _many

pytestmark = pytest.mark.django_db


@pytest.fixture
def url(insight):
    return f"/b/{insight.book_id}/insights/"


def test_the_feed_shows_sentences_that_lead_to_their_proof(client, url, insight, owner):
    client.force_login(owner)
    page = client.get(url).content.decode()
    assert "Stadtwerke took €320.00 on Mar 10, 2026" in page
    assert f'href="{url}{insight.pk}/"' in page


def test_the_proof_is_a_table_of_entries_and_the_thresholds_tell_why(client, url, insight, owner):
    client.force_login(owner)
    page = client.get(f"{url}{insight.pk}/").content.decode()
    page = page[page.index("<main") : page.index("</main>")]
    assert page.count("<tr") == 1 + 7
    rows = re.findall(r"<time datetime=\"(\d{4}-\d\d-\d\d)\">[^<]*</time></td>", page)
    assert rows[0] == "2026-03-10"
    assert len(rows) == 7
    bill = insight.evidence.get(role="subject").entry
    assert f'href="/b/{insight.book_id}/entries/{bill.uid}/"' in page
    assert client.get(f"/b/{insight.book_id}/entries/{bill.uid}/").status_code == 200
    assert "€320.00" in page
    assert "Minimum percentage of the usual amount" in page
    assert ">150<" in page


def test_opening_an_insight_is_seeing_it_for_those_who_may_act(client, url, insight, viewer, editor):
    client.force_login(viewer)
    page = client.get(f"{url}{insight.pk}/").content.decode()
    insight.refresh_from_db()
    assert insight.state == "new"
    assert "Dismiss" not in page

    client.force_login(editor)
    page = client.get(f"{url}{insight.pk}/").content.decode()
    insight.refresh_from_db()
    assert insight.state == "seen"
    assert "Mute Stadtwerke" in page


def test_nobody_without_sign_in_sees_a_page(client, url, insight):
    for address in (url, f"{url}{insight.pk}/"):
        answer = client.get(address)
        assert answer.status_code == 302
        assert answer["Location"] == f"/accounts/sign-in/?next={address}"


def test_strangers_find_nothing(client, url, insight, stranger):
    client.force_login(stranger)
    addresses = [url, f"{url}{insight.pk}/"]
    posts = [f"{url}{insight.pk}/{action}/" for action in ("dismiss", "reopen", "snooze", "mute")]
    assert {client.get(each).status_code for each in addresses} == {404}
    assert {client.post(each).status_code for each in posts} == {404}


def test_viewers_may_not_act(client, url, insight, viewer):
    client.force_login(viewer)
    posts = [f"{url}{insight.pk}/{action}/" for action in ("dismiss", "reopen", "snooze", "mute")]
    assert {client.post(each).status_code for each in posts} == {403}
    insight.refresh_from_db()
    assert insight.state == "new"


@pytest.mark.parametrize(
    ("action", "state", "told"),
    [
        ("dismiss", "dismissed", "Dismissed. It will not come back."),
        ("snooze", "seen", "Snoozed until Mar 22, 2026."),
        ("mute", "dismissed", "Stadtwerke is muted for this kind of insight."),
    ],
)
def test_each_button_does_what_it_says(client, url, insight, editor, action, state, told):
    client.force_login(editor)
    answer = client.post(f"{url}{insight.pk}/{action}/", {"days": "7"}, follow=True)
    assert answer.redirect_chain == [(url, 302)]
    assert told in answer.content.decode()
    insight.refresh_from_db()
    assert insight.state == state
    assert f'href="{url}{insight.pk}/"' not in answer.content.decode()


def test_a_dismissal_can_be_taken_back(client, url, insight, editor):
    dismiss(insight=insight, actor=editor, now=NOW)
    client.force_login(editor)
    answer = client.post(f"{url}{insight.pk}/reopen/", follow=True)
    assert "Reopened." in answer.content.decode()


def test_what_cannot_be_done_is_said_on_the_insights_own_page(client, url, insight, editor):
    category = Insight.objects.get(kind="category_above_usual")
    client.force_login(editor)
    answer = client.post(f"{url}{category.pk}/mute/", follow=True)
    assert "This insight is not about a payee." in answer.content.decode()


def test_muted_payees_are_listed_and_can_be_heard_of_again(client, url, insight, editor, viewer):
    muted = mute_payee(insight=insight, actor=editor, now=NOW)
    client.force_login(viewer)
    assert client.post(f"{url}muted/{muted.pk}/unmute/").status_code == 403

    client.force_login(editor)
    assert "Unmute Stadtwerke" in client.get(url).content.decode()
    client.post(f"{url}muted/{muted.pk}/unmute/")
    assert not MutedPayee.objects.exists()


def test_filters_and_pages_are_in_the_address(client, url, insight, book, owner):
    _many(book, 40)
    client.force_login(owner)
    first = client.get(url, {"state": "all"})
    [after] = re.findall(r"\?after=([\d:-]+)&amp;state=all", first.content.decode())
    second = client.get(url, {"state": "all", "after": after}).content.decode()

    def shown(page):
        return [int(pk) for pk in re.findall(rf'href="{url}(\d+)/"', page)]

    everything = Insight.objects.order_by("-subject_date", "-pk").values_list("pk", flat=True)
    assert shown(first.content.decode()) + shown(second) == list(everything)
    assert shown(client.get(url, {"state": "dismissed"}).content.decode()) == []
    assert client.get(url, {"state": "gossip", "kind": "x", "after": "garbage"}).status_code == 200


def test_the_feed_asks_as_often_for_thirty_rows_as_for_one(
    client, url, insight, book, owner, django_assert_num_queries
):
    client.force_login(owner)
    with django_assert_num_queries(7):
        client.get(url)
    _many(book, 28)
    with django_assert_num_queries(7):
        client.get(url)


def test_an_empty_feed_says_what_will_appear_there(client, book, owner):
    client.force_login(owner)
    assert "Nothing to look at" in client.get(f"/b/{book.pk}/insights/").content.decode()


def test_switched_off_the_page_says_so_and_the_rail_counts_nothing(client, url, insight, book, owner, settings):
    settings.ENABLE_INSIGHTS = False
    client.force_login(owner)
    answer = client.get(url)
    assert (answer.status_code, "Insights are switched off here." in answer.content.decode()) == (
        200,
        True,
    )
    assert unread_count(book_id=book.pk, on=datetime.date(2026, 3, 15)) == 0


def test_the_rail_counts_what_nobody_has_opened(client, url, insight, book, editor):
    on = datetime.date(2026, 3, 15)
    before = unread_count(book_id=book.pk, on=on)
    client.force_login(editor)
    client.get(f"{url}{insight.pk}/")
    assert (before, unread_count(book_id=book.pk, on=on)) == (2, 1)


def test_the_overview_can_show_the_most_pressing_ones(insight, book):
    shown = Template("{% load insights %}{% latest_insights book 1 %}").render(Context({"book": book}))
    assert shown.count("<li") == 1
    dismissed = Insight.objects.filter(book=book)
    dismissed.update(state="dismissed")
    assert shown.strip().startswith('<ul class="insights">')
    assert "Nothing to look at." in Template("{% load insights %}{% latest_insights book %}").render(
        Context({"book": book})
    )
