"""Members who see some accounts of a book only (SHR-01), and what members leave out of their own figures (SHR-05)."""

import datetime
import re

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from finance.errors import Conflict, Forbidden, Invalid, NotFound, PartlyHidden
from finance.ledger import services
from finance.ledger.posting import LineDraft
from finance.ledger.selectors import accounts_of, book_for, entry_for, lines_of, months_of
from finance.models import Invitation, LeftOutAccount, MemberAccount, Membership, Role
from finance.tags.services import save_tag, tag_entries
from finance.tests.conftest import TODAY
from identity.models import AuditRecord, User
from platform_outbox.models import OutboxMessage

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today():
    cache.clear()
    with time_machine.travel(datetime.datetime.combine(TODAY, datetime.time(12), tzinfo=datetime.UTC), tick=False):
        yield
    cache.clear()


@pytest.fixture
def mia(book, owner, accounts):
    """An editor who sees the cash only."""
    return member(book, owner, "mia@example.org", Role.EDITOR, [accounts.cash.pk])


def member(book, owner, email, role, account_ids):
    user = User.objects.create_user(email, "correct horse battery", name=email.partition("@")[0].title())
    membership = Membership.objects.create(book=book, user=user, role=role)
    services.set_seen_accounts(membership=membership, actor=owner, account_ids=account_ids)
    return user


def move(book, owner, source, target, amount, memo=""):
    lines = [LineDraft(account_id=target.pk, amount=amount), LineDraft(account_id=source.pk, amount=-amount, memo=memo)]
    return services.post_entry(book=book, actor=owner, date=TODAY, payee="Transfer", lines=lines)


def seen_by(user, book):
    return book_for(user=user, book_id=book.pk, partly=True)


def web(user):
    client = Client()
    client.force_login(user)
    return client


def api(user):
    client = APIClient()
    client.force_authenticate(user)
    return client


def names(book):
    return set(OutboxMessage.objects.filter(payload__book_id=book.pk).values_list("event_type", flat=True))


class TestChoosing:
    def test_it_is_audited_and_told(self, book, owner, mia, accounts):
        membership = Membership.objects.get(user=mia)
        assert not membership.sees_all
        assert list(MemberAccount.objects.filter(membership=membership).values_list("account_id", flat=True)) == [
            accounts.cash.pk
        ]
        record = AuditRecord.objects.get(action=AuditRecord.Action.MEMBER_ACCOUNTS_CHANGED)
        assert (record.actor_id, record.facts) == (owner.pk, {"book": book.pk, "accounts": [accounts.cash.pk]})
        assert "finance.member.accounts_changed" in names(book)

    def test_all_accounts_again(self, book, owner, mia):
        services.set_seen_accounts(membership=Membership.objects.get(user=mia), actor=owner, account_ids=None)
        assert book_for(user=mia, book_id=book.pk).visible_ids is None
        assert not MemberAccount.objects.exists()

    @pytest.mark.parametrize("role", ["viewer", "editor", "stranger"])
    def test_owners_only(self, book, mia, viewer, editor, stranger, accounts, role):
        actor = {"viewer": viewer, "editor": editor, "stranger": stranger}[role]
        with pytest.raises(NotFound if role == "stranger" else Forbidden):
            services.set_seen_accounts(
                membership=Membership.objects.get(user=mia), actor=actor, account_ids=[accounts.card.pk]
            )

    def test_owners_see_all(self, book, owner, mia, accounts):
        membership = Membership.objects.get(user=owner)
        with pytest.raises(Conflict, match="Owners see all accounts"):
            services.set_seen_accounts(membership=membership, actor=owner, account_ids=[accounts.cash.pk])
        promoted = services.change_role(membership=Membership.objects.get(user=mia), actor=owner, role=Role.OWNER)
        assert promoted.sees_all
        assert book_for(user=mia, book_id=book.pk).visible_ids is None

    def test_only_accounts_that_hold_money(self, book, owner, viewer, accounts, stranger):
        membership = Membership.objects.get(user=viewer)
        elsewhere = services.create_book(owner=stranger, name="Elsewhere", base_currency="EUR", time_zone="UTC")
        other = accounts_of(book=elsewhere)[1]
        for ids, error in (([], Invalid), ([accounts.groceries.pk], Invalid), ([other.pk], NotFound)):
            with pytest.raises(error):
                services.set_seen_accounts(membership=membership, actor=owner, account_ids=ids)
        assert Membership.objects.get(user=viewer).sees_all

    def test_an_invitation_says_what_the_new_member_sees(self, book, owner, accounts):
        fresh = services.invite_member(
            book=book, actor=owner, email="ned@example.org", role=Role.VIEWER, now=timezone.now(), base_url="http://x",
            account_ids=[accounts.card.pk],
        )  # fmt: skip
        ned = User.objects.create_user("ned@example.org", "correct horse battery")
        services.accept_invitation(token=fresh.token, user=ned, now=timezone.now())
        assert seen_by(ned, book).visible_ids == {accounts.card.pk}

    def test_a_member_who_leaves_takes_the_list_along(self, book, mia):
        services.leave_book(book=book, user=mia)
        assert not MemberAccount.objects.exists()


class TestDenyByDefault:
    def test_a_caller_that_does_not_filter_gets_no_book(self, book, mia):
        with pytest.raises(PartlyHidden, match="You see some accounts of this book; this page is about all of it"):
            book_for(user=mia, book_id=book.pk)

    def test_pages_say_so(self, book, mia):
        page = web(mia).get(f"/b/{book.pk}/reports/")
        assert page.status_code == 403
        assert "You see some accounts of this book; this page is about all of it." in page.content.decode()
        assert web(mia).get(f"/b/{book.pk}/insights/").status_code == 403

    def test_the_api_says_so(self, book, mia):
        answer = api(mia).get(f"/api/v1/books/{book.pk}/search/?q=x")
        assert (answer.status_code, answer.json()["code"]) == (403, "partly_hidden")
        assert api(mia).get(f"/api/v1/books/{book.pk}/insights/").status_code == 403
        assert api(mia).patch(f"/api/v1/books/{book.pk}/accounts/1/", {"name": "x"}, format="json").status_code == 403

    def test_nothing_leads_to_what_is_refused(self, book, mia, accounts, spend):
        entry = spend(5_00, account=accounts.cash)
        tag = save_tag(book=book, name="Trip")
        tag_entries(book=book, actor=None, entry_ids=[entry.pk], add=[tag])
        client, walked = web(mia), 0
        pages = [f"/b/{book.pk}/", f"/b/{book.pk}/accounts/", f"/b/{book.pk}/accounts/{accounts.cash.pk}/"]
        pages += [
            f"/b/{book.pk}/entries/{entry.uid}/",
            f"/b/{book.pk}/entries/{entry.uid}/fold/",
            f"/b/{book.pk}/quick/",
        ]
        for address in [*pages, f"/b/{book.pk}/register/?scope=spending", f"/b/{book.pk}/members/"]:
            page = client.get(address)
            assert page.status_code == 200, address
            for link in set(re.findall(r'href="(/b/[^"#]+)"', page.content.decode())):
                walked += 1
                answer = client.get(link.replace("&amp;", "&"))
                b"".join(answer.streaming_content if answer.streaming else ())  # a file is read to its end
                assert answer.status_code == 200, (address, link)
        assert walked > 20


class TestWhatIsSeen:
    def test_accounts_with_the_groups_around_them_and_categories(self, book, mia, accounts):
        tree = accounts_of(book=seen_by(mia, book))
        assert [one.name for one in tree if one.type in ("asset", "liability")] == ["Assets", "Cash"]
        assert "Groceries" in {one.name for one in tree}
        assert not [one for one in tree if one.type == "equity"]

    def test_a_transfer_shows_another_account(self, book, owner, mia, accounts):
        entry = move(book, owner, accounts.savings, accounts.cash, 70_00, memo="from the safe")
        shown = lines_of(entry=entry_for(book=seen_by(mia, book), uid=entry.uid))
        assert [(line.account.name, line.amount, line.memo) for line in shown] == [
            ("Cash", 70_00, ""), ("other accounts", -70_00, ""),
        ]  # fmt: skip
        page = web(mia).get(f"/b/{book.pk}/accounts/{accounts.cash.pk}/").content.decode()
        assert "another account" in page
        assert "Savings" not in page
        answer = api(mia).get(f"/api/v1/books/{book.pk}/accounts/{accounts.cash.pk}/register/").json()
        assert answer["results"][0]["counter_lines"] == [
            {
                "account": None,
                "name": "another account",
                "type": "asset",
                "amount": "-70.00",
                "currency": "EUR",
                "memo": "",
            }
        ]
        line = api(mia).get(f"/api/v1/books/{book.pk}/entries/{entry.uid}/").json()["lines"][1]
        assert (line["account"], line["path"], line["amount"]) == (None, "other accounts", "-70.00")

    def test_an_entry_without_a_visible_account_is_not_there(self, book, mia, spend, accounts):
        entry = spend(12_34, payee="Jeweller")
        for address in (f"/b/{book.pk}/entries/{entry.uid}/", f"/b/{book.pk}/accounts/{accounts.checking.pk}/"):
            assert web(mia).get(address).status_code == 404
        assert api(mia).get(f"/api/v1/books/{book.pk}/entries/{entry.uid}/").status_code == 404
        assert api(mia).get(f"/api/v1/books/{book.pk}/entries/").json()["results"] == []
        assert api(mia).get(f"/api/v1/books/{book.pk}/accounts/{accounts.checking.pk}/register/csv/").status_code in (
            403,
            404,
        )

    def test_a_category_shows_the_visible_entries_and_their_sum(self, book, mia, spend, accounts):
        spend(12_34, payee="Jeweller")
        spend(5_00, payee="Kiosk", account=accounts.cash)
        body = api(mia).get(f"/api/v1/books/{book.pk}/accounts/{accounts.groceries.pk}/register/").json()
        assert [(row["payee"], row["balance"]) for row in body["results"]] == [("Kiosk", None)]
        assert body["sums"]["totals"] == [
            {"currency": "EUR", "rows": 1, "debits": "5.00", "credits": "0.00", "net": "5.00"}
        ]
        page = web(mia).get(f"/b/{book.pk}/accounts/{accounts.groceries.pk}/").content.decode()
        assert "Kiosk" in page
        assert "Jeweller" not in page
        assert "17.34" not in page

    def test_months_of_categories_are_those_of_the_visible_entries(self, book, mia, spend, accounts):
        spend(12_34)
        spend(5_00, account=accounts.cash)
        spend(1_00, account=accounts.cash, on=datetime.date(2026, 2, 28))
        nets = months_of(book=seen_by(mia, book), first=datetime.date(2026, 2, 1), last=TODAY)
        assert nets == {
            accounts.groceries.pk: {datetime.date(2026, 2, 1): 1_00, datetime.date(2026, 3, 1): 5_00},
            accounts.cash.pk: {datetime.date(2026, 2, 1): -1_00, datetime.date(2026, 3, 1): -5_00},
        }

    def test_figures_are_of_the_visible_accounts_and_say_so(self, book, mia, spend, accounts):
        spend(12_34)
        spend(5_00, account=accounts.cash)
        page = web(mia).get(f"/b/{book.pk}/").content.decode()
        assert "These are the figures of the accounts that you see." in page
        assert 'data-figure="-500"' in page  # net worth
        assert 'data-figure="500"' in page  # groceries
        assert "1734" not in page
        points = api(mia).get(f"/api/v1/books/{book.pk}/net-worth/?months=1").json()["points"]
        assert points[-1]["value"] == "-5.00"
        balances = api(mia).get(f"/api/v1/books/{book.pk}/balances/").json()["results"]
        assert [(row["path"], row["balance"]) for row in balances] == [("Assets", "0.00"), ("Assets:Cash", "-5.00")]

    def test_earlier_versions_on_hidden_accounts_are_not_shown(self, book, owner, mia, spend, accounts):
        entry = spend(44_44, payee="Secret shop")
        lines = [
            LineDraft(account_id=accounts.groceries.pk, amount=3_00), LineDraft(account_id=accounts.cash.pk, amount=-3_00),
        ]  # fmt: skip
        fixed = services.correct_entry(
            entry=entry, actor=owner, date=TODAY, lines=lines, payee="Kiosk", description="", on=TODAY
        )
        page = web(mia).get(f"/b/{book.pk}/entries/{fixed.uid}/").content.decode()
        assert "Kiosk" in page
        assert "Secret shop" not in page
        assert "44.44" not in page
        history = api(mia).get(f"/api/v1/books/{book.pk}/entries/{fixed.uid}/history/").json()["results"]
        assert [each["payee"] for each in history] == ["Kiosk"]

    def test_filters_do_not_look_at_hidden_lines(self, book, owner, mia, accounts):
        move(book, owner, accounts.savings, accounts.cash, 70_00, memo="from the safe")
        root = f"/api/v1/books/{book.pk}/entries/"
        assert len(api(mia).get(root).json()["results"]) == 1
        for query in ("text=safe", f"account={accounts.savings.pk}"):
            assert api(mia).get(f"{root}?{query}").json()["results"] == [], query


class TestAdding:
    def test_between_visible_accounts_and_categories(self, book, mia, accounts):
        body = {
            "date": "2026-03-15", "payee": "Kiosk",
            "lines": [{"account": accounts.groceries.pk, "amount": "3.00"}, {"account": "Assets:Cash", "amount": "-3.00"}],
        }  # fmt: skip
        assert api(mia).post(f"/api/v1/books/{book.pk}/entries/", body, format="json").status_code == 201
        body["lines"][1]["account"] = accounts.checking.pk
        answer = api(mia).post(f"/api/v1/books/{book.pk}/entries/", body, format="json")
        assert (answer.status_code, list(answer.json()["fields"])) == (404, ["lines.1.account"])
        body["lines"][1]["account"] = accounts.salary.pk
        answer = api(mia).post(f"/api/v1/books/{book.pk}/entries/", body, format="json")
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["lines"]), answer.json()

    def test_the_service_refuses_by_itself(self, book, mia, accounts):
        lines = [
            LineDraft(account_id=accounts.cash.pk, amount=1), LineDraft(account_id=accounts.checking.pk, amount=-1)
        ]  # fmt: skip
        with pytest.raises(NotFound):
            services.post_entry(book=seen_by(mia, book), actor=mia, date=TODAY, lines=lines)

    def test_the_form_offers_the_visible_accounts(self, book, mia, accounts):
        page = web(mia).get(f"/b/{book.pk}/entries/new/").content.decode()
        assert "Cash" in page
        assert "Savings" not in page
        sent = {
            "mode": "spent", "date": "2026-03-15", "payee": "Kiosk", "amount": "3", "account": accounts.cash.pk,
            "category": accounts.groceries.pk, "save": "1",
        }  # fmt: skip
        answer = web(mia).post(f"/b/{book.pk}/entries/new/", sent, follow=True)
        assert answer.status_code == 200
        assert "Kiosk" in answer.content.decode()
        sent["account"] = accounts.checking.pk
        assert "not one of the available choices" in web(mia).post(f"/b/{book.pk}/entries/new/", sent).content.decode()


class TestOwnFigures:
    """SHR-05: M has 1,000.00 and sees a shared account of 500.00 but left it out of own figures."""

    @pytest.fixture
    def max_(self, book, owner, accounts):
        user = member(book, owner, "max@example.org", Role.VIEWER, [accounts.checking.pk, accounts.savings.pk])
        for account, amount in ((accounts.checking, 1_000_00), (accounts.savings, 500_00)):
            lines = [
                LineDraft(account_id=account.pk, amount=amount), LineDraft(account_id=accounts.salary.pk, amount=-amount),
            ]  # fmt: skip
            services.post_entry(book=book, actor=owner, date=TODAY, lines=lines, payee="Work")
        return user

    def test_shr_05_own_net_worth_leaves_it_out_and_says_so(self, book, owner, max_, accounts):
        root = f"/api/v1/books/{book.pk}"
        body = {"left_out": [accounts.savings.pk]}
        assert api(max_).put(f"{root}/own-figures/", body, format="json").json() == body
        assert api(max_).get(f"{root}/own-figures/").json() == body

        def worth(user, query=""):
            found = api(user).get(f"{root}/net-worth/?months=1{query}").json()
            return found["points"][-1]["value"], found["left_out"]

        assert worth(max_) == ("1000.00", [accounts.savings.pk])
        assert worth(max_, "&figures=household") == ("1500.00", [])
        assert worth(owner) == ("1500.00", [])
        page = web(max_).get(f"/b/{book.pk}/").content.decode()
        assert "without Savings account" in page
        assert 'data-figure="100000"' in page
        assert 'data-figure="50000"' in page  # the account itself is still there, with what it holds
        assert "150000" not in page
        page = web(max_).get(f"/b/{book.pk}/?figures=household").content.decode()
        assert 'data-figure="150000"' in page
        tree = web(max_).get(f"/b/{book.pk}/accounts/").content.decode()
        assert "Savings account" in tree
        assert "without Savings account" in tree
        assert "finance.member.own_figures_changed" in names(book)

    def test_its_figures_open_the_rows_that_make_them(self, book, max_, accounts):
        services.leave_out(book=book, user=max_, account_ids=[accounts.savings.pk])
        client = web(max_)
        page = client.get(f"/b/{book.pk}/").content.decode()
        opened = 0
        for address, figure in re.findall(r'href="([^"]+without=[^"]+)" data-figure="(-?\d+)"', page):
            rows = client.get(address.replace("&amp;", "&")).content.decode()
            assert f'data-net="{figure}"' in rows, address
            opened += 1
        assert opened >= 3

    def test_the_page_saves_it(self, book, max_, accounts):
        client = web(max_)
        client.post(f"/b/{book.pk}/accounts/own-figures/", {"account": [accounts.savings.pk]})
        assert LeftOutAccount.objects.get().account_id == accounts.savings.pk
        client.post(f"/b/{book.pk}/accounts/own-figures/", {})
        assert not LeftOutAccount.objects.exists()

    def test_hidden_accounts_and_categories_cannot_be_left_out(self, book, max_, accounts):
        address = f"/api/v1/books/{book.pk}/own-figures/"
        for account, status in ((accounts.cash, 404), (accounts.groceries, 400)):
            answer = api(max_).put(address, {"left_out": [account.pk]}, format="json")
            assert (answer.status_code, list(answer.json()["fields"])) == (status, ["left_out"]), answer.json()


ROLES = [
    ("anonymous", 401, 302),
    ("stranger", 404, 404),
    ("viewer", 200, 200),
    ("editor", 200, 200),
    ("owner", 200, 200),
]


class TestAccess:
    @pytest.mark.parametrize(("role", "by_api", "by_page"), ROLES)
    def test_own_figures_are_everybodys(self, request, book, accounts, role, by_api, by_page):
        user = None if role == "anonymous" else request.getfixturevalue(role)
        client, pages = (api(user), web(user)) if user else (APIClient(), Client())
        address = f"/api/v1/books/{book.pk}/own-figures/"
        assert client.get(address).status_code == by_api
        assert client.put(address, {"left_out": [accounts.cash.pk]}, format="json").status_code == by_api
        answer = pages.post(f"/b/{book.pk}/accounts/own-figures/", {})
        assert answer.status_code == (302 if by_page == 200 else by_page)

    @pytest.mark.parametrize(
        ("role", "by_api", "by_page"),
        [("anonymous", 401, 302), ("stranger", 404, 404), ("viewer", 403, 403), ("mia", 403, 403), ("owner", 200, 302)],
    )
    def test_what_members_see_is_for_owners(self, request, book, accounts, editor, role, by_api, by_page):
        user = None if role == "anonymous" else request.getfixturevalue(role)
        client, pages = (api(user), web(user)) if user else (APIClient(), Client())
        membership = Membership.objects.get(user=editor)
        body = {"accounts": [accounts.cash.pk]}
        address = f"/api/v1/books/{book.pk}/members/{membership.pk}/"
        answer = client.patch(address, body, format="json")
        assert answer.status_code == by_api
        if role == "owner":
            assert answer.json()["accounts"] == body["accounts"]
            assert answer.json()["sees_all_accounts"] is False
        answer = pages.post(
            f"/b/{book.pk}/members/{membership.pk}/accounts/", {"sees": "some", "account": [accounts.card.pk]}
        )
        assert answer.status_code == by_page
        allowed = {each.account_id for each in MemberAccount.objects.filter(membership=membership)}
        assert allowed == ({accounts.card.pk} if role == "owner" else set())

    def test_lists_of_others_are_for_owners(self, book, owner, mia, viewer, accounts):
        def lists(user):
            rows = api(user).get(f"/api/v1/books/{book.pk}/members/").json()["results"]
            return {row["email"]: row["accounts"] for row in rows}

        assert lists(owner)["mia@example.org"] == [accounts.cash.pk]
        assert lists(mia)["mia@example.org"] == [accounts.cash.pk]
        assert lists(viewer)["mia@example.org"] is None
        assert "sees Cash" in web(owner).get(f"/b/{book.pk}/members/").content.decode()
        assert "sees Cash" not in web(viewer).get(f"/b/{book.pk}/members/").content.decode()

    def test_inviting_to_some_accounts(self, book, owner, accounts):
        body = {"email": "ned@example.org", "role": "viewer", "accounts": [accounts.cash.pk]}
        answer = api(owner).post(f"/api/v1/books/{book.pk}/invitations/", body, format="json")
        assert (answer.status_code, answer.json()["accounts"]) == (201, [accounts.cash.pk])
        sent = {"email": "ida@example.org", "role": "viewer", "accounts": [accounts.card.pk]}
        assert web(owner).post(f"/b/{book.pk}/members/invite/", sent).status_code == 200
        assert Invitation.objects.get(email="ida@example.org").account_ids == [accounts.card.pk]
        body |= {"email": "eve@example.org", "role": "owner"}
        answer = api(owner).post(f"/api/v1/books/{book.pk}/invitations/", body, format="json")
        assert (answer.status_code, list(answer.json()["fields"])) == (409, ["accounts"])

    def test_leaving_is_for_everybody(self, book, mia):
        membership = Membership.objects.get(user=mia)
        assert api(mia).delete(f"/api/v1/books/{book.pk}/members/{membership.pk}/").status_code == 204

    def test_lists_of_members_ask_a_fixed_number_of_questions(self, book, owner, accounts, django_assert_num_queries):
        address = f"/api/v1/books/{book.pk}/members/"
        member(book, owner, "a@example.org", Role.VIEWER, [accounts.cash.pk])
        with CaptureQueriesContext(connection) as few:
            api(owner).get(address)
        for name in "bcd":
            member(book, owner, f"{name}@example.org", Role.VIEWER, [accounts.cash.pk, accounts.card.pk])
        with django_assert_num_queries(len(few)):
            assert len(api(owner).get(address).json()["results"]) == 5
