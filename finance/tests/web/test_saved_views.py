"""Saved views: saving what is shown, who sees and changes them, and the pay period of the settings."""

import pytest

from finance.errors import Invalid
from finance.models import PayPeriod, SavedView
from finance.preferences import services
from finance.preferences.selectors import pay_rule_of
from finance.preferences.services import PARAMETERS
from finance.web.register_filters import FilterForm
from platform_outbox.models import OutboxMessage


def saved(send, person, accounts, **extra):
    data = {
        "account": accounts.groceries.pk,
        "query": "?period=last-month&q=rent&after=2026-01-01:4",
        "name": "Rent",
        **extra,
    }
    return send(person, "views/save/", data)


def test_what_is_shown_is_saved_under_a_name_and_opens_again(send, page, accounts, book, viewer):
    answer = saved(send, "viewer", accounts)
    assert answer.url == f"/b/{book.pk}/accounts/{accounts.groceries.pk}/?period=last-month&q=rent"
    view = SavedView.objects.get()
    assert (view.owner, view.shared, view.account) == (viewer, False, accounts.groceries)
    register = page("viewer", f"accounts/{accounts.checking.pk}/").content.decode()
    assert f'href="/b/{book.pk}/accounts/{accounts.groceries.pk}/?period=last-month&amp;q=rent">Rent' in register
    assert "Rent" in page("viewer", "views/").content.decode()
    assert OutboxMessage.objects.filter(event_type="finance.view.saved").count() == 1


def test_a_register_of_the_whole_book_is_saved_with_its_scope(send, book):
    answer = send("owner", "views/save/", {"account": "", "query": "?scope=spending&period=2026-Q1", "name": "Quarter"})
    assert answer.url == f"/b/{book.pk}/register/?scope=spending&period=2026-Q1"


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"name": " "}, "A view needs a name"),
        ({"name": "x" * 81}, "A view needs a name"),
        ({"query": "?amount=many"}, "Some of the filters cannot be read"),
        ({"query": "?nothing=1"}, "A register has no filter named “nothing”."),
        ({"query": f"?q={'x' * 99}&payee={'y' * 199}&accounts={'1,' * 900}1"}, "Some of the filters cannot be read"),
    ],
)
def test_what_cannot_be_saved_says_why(send, as_, accounts, extra, words):
    client = as_("owner")
    path = f"/b/{accounts.checking.book_id}/views/save/"
    data = {"account": accounts.groceries.pk, "query": "", "name": "Rent", **extra}
    assert words in client.post(path, data, follow=True).content.decode()
    assert not SavedView.objects.exists()


def test_a_name_is_taken_only_by_the_same_person(send, accounts):
    for person in ("owner", "editor", "owner"):
        saved(send, person, accounts)
    assert SavedView.objects.count() == 2


def test_a_view_is_ones_own_until_it_is_shared(send, page, accounts, book, editor):
    saved(send, "editor", accounts)
    view = SavedView.objects.get()
    assert "Rent" not in page("owner", "views/").content.decode().split("<main")[1]
    assert send("owner", f"views/{view.pk}/change/", {"name": "Mine"}).status_code == 404
    send("editor", f"views/{view.pk}/change/", {"name": "Rent", "shared": "on"})
    assert "Rent" in page("viewer", "views/").content.decode()
    # Seen by everybody, changed by its owner and by the owner of the book.
    assert send("viewer", f"views/{view.pk}/change/", {"name": "Mine"}).status_code == 403
    assert send("viewer", f"views/{view.pk}/remove/", {}).status_code == 403
    assert send("owner", f"views/{view.pk}/change/", {"name": "Ours", "shared": "on"}).status_code == 302
    assert send("owner", f"views/{view.pk}/remove/", {}).status_code == 302
    assert not SavedView.objects.exists()
    assert OutboxMessage.objects.filter(event_type="finance.view.removed").count() == 1


def test_a_view_may_have_every_filter_of_a_register_and_no_other():
    assert {*FilterForm.base_fields, "scope", "below"} == PARAMETERS


def test_viewers_keep_their_views_to_themselves(send, accounts):
    assert saved(send, "viewer", accounts, shared="on").status_code == 403
    assert not SavedView.objects.exists()


@pytest.mark.parametrize(
    ("person", "answer"), [(None, 302), ("stranger", 404), ("viewer", 200), ("editor", 200), ("owner", 200)]
)
def test_who_may_open_the_list(as_, book, person, answer):
    for path in ("views/", "register/"):
        assert as_(person).get(f"/b/{book.pk}/{path}").status_code == answer


@pytest.mark.parametrize("person", [None, "stranger"])
@pytest.mark.parametrize("path", ["views/save/", "views/1/change/", "views/1/remove/"])
def test_nobody_else_saves_anything(send, person, path):
    answer = send(person, path, {"name": "x"})
    assert answer.status_code == (302 if person is None else 404)
    assert not SavedView.objects.exists()


def test_an_account_of_another_book_cannot_be_saved(send, stranger, accounts):
    from finance.ledger import services as ledger

    other = ledger.create_book(owner=stranger, name="Theirs", base_currency="EUR", time_zone="UTC")
    theirs = other.accounts.exclude(kind="group").first()
    assert send("owner", "views/save/", {"account": theirs.pk, "name": "x"}).status_code == 404
    assert send("owner", "views/save/", {"account": "x", "name": "x"}).status_code == 404


def test_there_is_an_end_to_views(book, owner, monkeypatch):
    monkeypatch.setattr(services, "MOST_VIEWS", 1)
    services.save_view(book=book, actor=owner, name="One")
    with pytest.raises(Exception, match="at most 1 views"):
        services.save_view(book=book, actor=owner, name="Two")


def test_a_query_is_kept_without_what_is_empty():
    assert services.checked_query("?q=&period=2026-01&after=x") == "period=2026-01"
    for query in ("sort=date", "q=%00" + "x" * 3000):
        with pytest.raises(Invalid):
            services.checked_query(query)


@pytest.mark.parametrize(
    ("data", "stored"),
    [
        ({"kind": "day", "day": "25", "shift": "before"}, (25, "before", None, None)),
        ({"kind": "weeks", "anchor": "2026-01-02", "weeks": "2"}, (None, "none", "2026-01-02", 2)),
    ],
)
def test_an_owner_sets_the_pay_period(send, page, book, data, stored):
    assert send("owner", "settings/pay-period/", data).status_code == 302
    kept = PayPeriod.objects.get(book=book)
    assert (kept.day, kept.shift, kept.anchor and kept.anchor.isoformat(), kept.weeks) == stored
    assert f'value="{data.get("day") or data["weeks"]}"' in page("owner", "settings/").content.decode()
    assert send("owner", "settings/pay-period/", {"kind": ""}).status_code == 302
    assert pay_rule_of(book=book) is None
    assert OutboxMessage.objects.filter(event_type="finance.book.pay_period_set").count() == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"kind": "day"}, "Say on which day of the month."),
        ({"kind": "weeks", "weeks": "2"}, "A day of payment and the weeks between two are needed."),
        ({"kind": "day", "day": "32"}, "less than or equal to 31"),
    ],
)
def test_half_a_pay_period_says_what_is_missing(send, data, words):
    assert words in send("owner", "settings/pay-period/", data).content.decode()
    assert not PayPeriod.objects.exists()


@pytest.mark.parametrize(("person", "answer"), [(None, 302), ("stranger", 404), ("viewer", 403), ("editor", 403)])
def test_only_owners_set_the_pay_period(send, person, answer):
    assert send(person, "settings/pay-period/", {"kind": "day", "day": "5"}).status_code == answer
    assert not PayPeriod.objects.exists()
