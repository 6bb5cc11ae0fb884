"""A member who sees one account walks every page and operation: nothing of the hidden accounts appears (SHR-01).

A view that is new and says `partly` without filtering fails here; one that says nothing is refused by itself.
"""

# ruff: noqa: F811 (a fixture that asks for another is named as it is)

import re
from itertools import product

import pytest
from django.test import Client
from rest_framework.test import APIClient

from finance.ledger import services as ledger
from finance.ledger.models import JournalEntry, Membership
from finance.ledger.posting import EntryDraft, LineDraft
from insights.tests.conftest import NOW
from lifeos_project.middleware.requests import TolerantRequest
from lifeos_project.tests.bodies_of_operations import bodies
from lifeos_project.tests.one_of_everything import clock, one_of_everything, world  # noqa: F401  # fixtures
from lifeos_project.tests.test_every_operation import NAMES, address
from lifeos_project.tests.test_every_operation import ask as ask_operation
from lifeos_project.tests.test_every_page import ROUTES, filled, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.long]

# What stands in the hidden accounts only; amounts in every notation that pages and files use.
SECRET = re.compile(
    "Zephyr|Quixotic|secret memo|Checking|Savings|Credit card|Dollars|Stadtwerke|Market|Standing-order.csv|march.csv"
    r"|7[.,]?313[.,]37|8[.,]?421[.,]37|731337|842137|320[.,]00"
)
# Pages that show a part of the book, and operations that do; everything else below a book is refused.
PAGES = {
    *("", "accounts/", "register/", "register/<str:file_format>/", "accounts/<int:account_id>/"),
    *("accounts/<int:account_id>/register/<str:file_format>/", "entries/new/", "entries/<uuid:uid>/"),
    *("entries/<uuid:uid>/fold/", "quick/", "members/"),
}
OPERATIONS = {
    *(("GET", ""), ("GET", "accounts/"), ("GET", "accounts/{account_id}/"), ("GET", "accounts/{account_id}/register/")),
    *(("GET", "accounts/{account_id}/register/{file_format}/"), ("GET", "register/"), ("GET", "balances/")),
    *(("GET", "register/{file_format}/"), ("GET", "entries/"), ("POST", "entries/"), ("GET", "entries/{uid}/")),
    *(("GET", "entries/{uid}/history/"), ("POST", "exchanges/"), ("GET", "net-worth/"), ("GET", "members/")),
    *(("DELETE", "members/{membership_id}/"), ("GET", "own-figures/"), ("PUT", "own-figures/")),
}


@pytest.fixture
def hidden(world, django_user_model):
    """An editor who sees the cash only, and entries beside it, across it, and of it."""
    owner, accounts = world["owner"], world["accounts"]
    book = accounts.cash.book
    vault = ledger.open_account(
        book=book, actor=owner, name="Zephyr vault", type="asset", kind="savings", currency="EUR"
    )

    def post(*lines, payee):
        drafts = [LineDraft(account_id=account.pk, amount=amount, memo=memo) for account, amount, memo in lines]
        return ledger.post_entry(book=book, actor=owner, date=NOW.date(), payee=payee, lines=drafts)

    user = django_user_model.objects.create_user("mia@example.org", "correct horse battery")
    membership = Membership.objects.create(book=book, user=user, role="editor")
    ledger.set_seen_accounts(membership=membership, actor=owner, account_ids=[accounts.cash.pk])
    across = post(
        (accounts.cash, 9_00, ""), (vault, -8_421_37, "secret memo"), (accounts.checking, 8_412_37, ""), payee="Purse"
    )
    draft = EntryDraft(
        date=NOW.date(),
        payee="Our purse",
        lines=[
            LineDraft(account_id=line.account_id, amount=line.amount, memo=line.memo) for line in across.lines.all()
        ],
    )
    ledger.replace_entry(entry=across, actor=owner, draft=draft, today=NOW.date())
    return {
        "user": user,
        "beside": post((accounts.restaurants, 7_313_37, ""), (vault, -7_313_37, "secret memo"), payee="Quixotic Ltd"),
        "across": JournalEntry.objects.get(corrects=across),
        "of": post((accounts.groceries, 2_00, ""), (accounts.cash, -2_00, ""), payee="Kiosk"),
        "vault": vault,
    }


def addresses(world, hidden, template, make):
    """The template's address for hidden, seen and shared accounts, and for entries of each."""
    accounts = [hidden["vault"].pk, world["accounts"].cash.pk, world["accounts"].restaurants.pk]
    entries = [hidden[name].uid for name in ("beside", "across", "of")]
    for account, entry in product(accounts if "account_id" in template else [0], entries if "uid" in template else [0]):
        yield make(account_id=account, uid=entry)


def queries(hidden, world):
    """What makes pages show more, or look at lines that are hidden."""
    return [
        *("scope=spending&all=1&q=secret", "scope=income&below=1&figures=household&closed=1", "copy=last"),
        *(f"copy={hidden['across'].uid}", f"copy={hidden['beside'].uid}", f"template={world['ids']['template_id']}"),
        f"category={hidden['vault'].pk}&scope=spending",
    ]


def filters(hidden):
    """The same of operations, which refuse what they do not know."""
    vault = hidden["vault"].pk
    return [
        *("scope=spending&with_superseded=true", "figures=household", "text=secret", f"account={vault}"),
        f"counter_account={vault}",
    ]


def test_no_page_tells_of_hidden_accounts(world, hidden, monkeypatch):
    monkeypatch.setattr("django.test.client.WSGIRequest", TolerantRequest)
    client = Client(raise_request_exception=False)
    client.force_login(hidden["user"])
    shown, told = set(), []
    for route in (route for route in ROUTES if not re.match(r"admin/|.*sign-out/$|.*logout/$", route)):
        for place in addresses(
            world, hidden, route, lambda r=route, **ids: filled(r, world["ids"], **{k: str(v) for k, v in ids.items()})
        ):
            answer = client.get(place)
            asked = queries(hidden, world) if answer.status_code == 200 and route.startswith("b/") else ()
            for each, query in ((answer, ""), *((client.get(f"{place}?{query}"), query) for query in asked)):
                assert each.status_code < 500, (place, query)
                if found := SECRET.search(text_of(each)):
                    told.append((place, query, found[0]))
            if answer.status_code == 200 and route.startswith("b/<int:book_id>/"):
                shown.add(route.removeprefix("b/<int:book_id>/"))
            elif route.startswith("b/<int:book_id>/"):
                assert answer.status_code in (403, 404, 405, 302), place
    assert told == []
    assert shown == PAGES


def test_no_operation_tells_of_hidden_accounts(world, hidden):
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(hidden["user"])
    walker = {**world, "client": client}
    sent = bodies(world)
    below = "/api/v1/books/{book_id}/"
    answered, told = set(), []
    for name in NAMES:
        if "/auth/" in name[1]:
            continue
        for place in addresses(world, hidden, name[1], lambda n=name, **ids: address(n[1], world["ids"], **ids)):
            answer = ask_operation(walker, name, sent.get(name), path=place)
            asked = filters(hidden) if answer.status_code == 200 and name[0] == "GET" else ()
            for each, query in ((answer, ""), *((client.get(f"{place}?{query}"), query) for query in asked)):
                assert each.status_code < 500, (name, query)
                if found := SECRET.search(text_of(each)):
                    told.append((*name, place, query, found[0]))
            if name[1].startswith(below) and answer.status_code != 404:
                refused = answer.status_code == 403 and answer.json()["code"] in ("partly_hidden", "forbidden")
                if not refused:
                    answered.add((name[0], name[1].removeprefix(below)))
    assert told == []
    assert answered <= OPERATIONS
    assert {name for name in OPERATIONS if name[0] == "GET"} <= answered
