"""What requests are made for: people in every role, a household's book they share, and one that is not theirs."""

import datetime
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import harness  # noqa: F401 -- sets Django up
from django.contrib import admin
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken

from finance.demo.services import seed_household
from finance.imports import services as imports
from finance.imports.models import ImportBatch, ImportRow, ImportStatement
from finance.ledger import services
from finance.ledger.models import Account, Book, Invitation, JournalEntry, Membership, Role
from finance.ledger.posting import EntryDraft, LineDraft
from finance.models import WebhookDelivery, WebhookEndpoint
from finance.webhooks.services import add_endpoint
from fuzz_inputs import files
from identity import signup, tokens
from identity.models import User
from insights.models import Insight, Kind, MutedPayee
from platform_outbox import testing
from platform_outbox.models import OutboxMessage
from platform_outbox.operations.registry import all_operations

PERSONAS = ("anonymous", "stranger", "viewer", "editor", "owner", "staff")
MEMBERS = ("viewer", "editor", "owner")
PASSWORD = "correct horse battery"
# Texts that stand all over a book, and in no request.
HOME_MARK = "qzhomemarkqz"
OTHER_MARK = "qzothermarkqz"
MONTHS = 2
# A backup takes a minute, and writes where backups are kept.
OPERATIONS = [each.name for each in all_operations() if not each.name.startswith("backups.")]


@dataclass(slots=True)
class Person:
    """Somebody who asks: by token, or by session cookie."""

    name: str
    user: User | None = None
    bearer: str = ""
    session: str = ""

    def sign_in(self) -> None:
        if self.user is None:
            return
        token = AccessToken.for_user(self.user)
        token.set_exp(lifetime=datetime.timedelta(hours=12))
        client = Client()
        client.force_login(self.user, backend="django.contrib.auth.backends.ModelBackend")
        self.bearer, self.session = str(token), client.cookies["sessionid"].value


@dataclass(slots=True)
class World:
    """People, and for each parameter of an address the values that lead somewhere: in their book, and in another's."""

    number: int
    today: datetime.date
    people: dict[str, Person] = field(default_factory=dict)
    home: dict[str, list[Any]] = field(default_factory=dict)
    other: dict[str, list[Any]] = field(default_factory=dict)
    tokens: dict[str, list[str]] = field(default_factory=dict)
    admin_keys: dict[str, list[Any]] = field(default_factory=dict)

    def value_for(self, name: str, schema: Mapping[str, Any], chance: random.Random) -> Any:
        """A value that makes sense in the shared book; None where the schema alone tells enough."""
        kind = schema.get("format")
        if kind == "date" or name == "date":
            return (self.today - datetime.timedelta(days=chance.randrange(-3, 70))).isoformat()
        if kind == "date-time":
            return f"{self.today - datetime.timedelta(days=chance.randrange(9))}T12:00:00Z"
        if kind == "uuid":
            return str(uuid.UUID(int=chance.getrandbits(128), version=4))
        if str(schema.get("pattern", "")).startswith("^[+-]"):
            return f"{chance.randrange(1, 100_000) / 100:.2f}"
        if name.endswith("account") or name == "parent":
            return chance.choice(self.home["parent" if name == "parent" else "account_id"])
        choices = self.tokens.get(name) or {
            "currency": ["EUR"], "base_currency": ["EUR", "USD", "JPY"], "time_zone": ["Europe/Dublin", "Asia/Tokyo"],
            "email": [f"{chance.randrange(9)}@example.org", *(p.user.email for p in self.people.values() if p.user)],
            "password": [PASSWORD, "wrong battery staple"], "url": ["https://hook.invalid/a", "https://hook.invalid/b?c=d"],
            "rows": self.home["row_id"], "event_types": ["finance.journal.posted"], "kind": schema.get("enum", ["cash"]),
            "cursor": ["", "1"], "limit": [1, 50, 200], "Idempotency-Key": [f"key-{chance.randrange(40)}"],
        }.get(name)  # fmt: skip
        return chance.choice(choices) if choices else None

    def path_value(self, name: str, route: str, chance: random.Random) -> str:
        """A value for a part of an address, now and then of the other book."""
        if route.startswith("admin/"):
            known = self._admin_value(name, route)
        elif name in self.tokens:
            known = self.tokens[name]
        else:
            known = (self.other if chance.random() < 0.06 else self.home).get(name, [])
        return str(chance.choice(known)) if known else "1"

    def _admin_value(self, name: str, route: str) -> list[Any]:
        fixed = {
            "name": OPERATIONS, "deed": ["requeue", "discard", "restore", "edit", "replay"], "app_label": ["finance"],
            "run_id": self.admin_keys.get("platform_operation/operationrun", []), "content_type_id": [1, 5, 9],
            "event_id": self.admin_keys["platform_outbox/outboxmessage"], "key": ["x", "0123456789abcdef"],
        }.get(name)  # fmt: skip
        return self.admin_keys.get("/".join(route.split("/")[1:3]), []) if fixed is None else fixed


def make_world(number: int, *, today: datetime.date) -> World:
    """New people and books; what a cache or a mailbox remembers of earlier ones is gone."""
    cache.clear()
    mail.outbox = []
    world = World(number=number, today=today)
    for name in PERSONAS:
        user = None
        if name != "anonymous":
            staff = name == "staff"
            user = User.objects.create_user(
                f"{name}{number}@example.org", PASSWORD, name=name, is_staff=staff, is_superuser=staff
            )
        world.people[name] = Person(name, user)
        world.people[name].sign_in()
    users = {name: person.user for name, person in world.people.items()}
    home = _fill(users["owner"], today=today, mark=HOME_MARK)
    for name in ("viewer", "editor"):
        Membership.objects.create(book=home, user=users[name], role=Role(name))
    other = _fill(users["stranger"], today=today, mark=OTHER_MARK)
    testing.drain(raise_errors=False)
    for book, owner in ((home, users["owner"]), (other, users["stranger"])):
        MutedPayee.objects.create(
            book=book,
            kind=Kind.UNUSUAL_AMOUNT,
            payee="Muted",
            payee_key="muted",
            muted_by=owner,
            muted_at=timezone.now(),
        )
    world.home, world.other = _names(home), _names(other)
    world.tokens = _tokens(users, number=number)
    for model in admin.site._registry:
        rows = model._default_manager.order_by("-pk").values_list("pk", flat=True)[:3]
        world.admin_keys[f"{model._meta.app_label}/{model._meta.model_name}"] = list(rows)
    return world


def _fill(owner: User, *, today: datetime.date, mark: str) -> Book:
    """A demonstration book with the mark wherever people write."""
    book = seed_household(owner=owner, months=MONTHS, seed=1, today=today)
    services.rename_book(book=book, actor=owner, name=f"Book {mark}")
    for number in range(3):
        add_endpoint(book=book, actor=owner, url=f"https://hook.invalid/{mark}{number}", description=mark)
    checking = Account.objects.select_related("book").get(book=book, name="Checking account")
    spending = services.open_account(
        book=book, actor=owner, name=f"Hobby {mark}", type="expense", kind="category", currency="EUR",
        parent=Account.objects.get(book=book, name="Expenses"),
    )  # fmt: skip
    lines = [
        LineDraft(account_id=spending.pk, amount=4_950, memo=mark),
        LineDraft(account_id=checking.pk, amount=-4_950),
    ]
    drafts = [
        EntryDraft(date=today - datetime.timedelta(days=days), payee=f"Shop {mark}", description=mark, lines=lines)
        for days in (1, 1, 2)
    ]
    services.post_entries(book=book, actor=owner, drafts=drafts, source=JournalEntry.Source.API)
    data = files.comma_separated(today, payee=f"Import {mark}")
    for confirmed in (True, False):
        batch = imports.stage_import(
            book=book, account=checking, actor=owner, data=data, file_name=f"{mark}-{confirmed}.csv"
        )
        if confirmed:
            imports.confirm_import(batch=batch, actor=owner)
    services.invite_member(
        book=book, actor=owner, email=f"{mark}@example.org", role=Role.VIEWER, now=timezone.now(),
        base_url="http://localhost",
    )  # fmt: skip
    return book


def _names(book: Book) -> dict[str, list[Any]]:
    """Ids of what a book holds, by the names that addresses have for them."""

    def keys(found: Any) -> list[Any]:
        return list(found.order_by("pk").values_list("pk", flat=True)[:100])

    accounts = Account.objects.filter(book=book)
    return {
        "book_id": [book.pk],
        "account_id": keys(accounts.postable()),
        "parent": keys(accounts.filter(kind="group")),
        "uid": list(JournalEntry.objects.filter(book=book).order_by("-pk").values_list("uid", flat=True)[:40]),
        "import_id": keys(ImportBatch.objects.filter(book=book)),
        "statement_id": keys(ImportStatement.objects.filter(book=book)),
        "row_id": keys(ImportRow.objects.filter(book=book)),
        "membership_id": keys(Membership.objects.filter(book=book)),
        "invitation_id": keys(Invitation.objects.filter(book=book)),
        "webhook_id": keys(WebhookEndpoint.objects.filter(book=book)),
        "delivery_id": keys(WebhookDelivery.objects.filter(endpoint__book=book)),
        "insight_id": keys(Insight.objects.filter(book=book)),
        "muted_id": keys(MutedPayee.objects.filter(book=book)),
    }


def _tokens(users: dict[str, User | None], *, number: int) -> dict[str, list[str]]:
    """Links and tokens that work: to sign up, to join a book that no mark stands in, to refresh."""
    third = services.create_book(owner=users["owner"], name="Third", base_currency="EUR", time_zone="Europe/Dublin")
    invited = services.invite_member(
        book=third, actor=users["owner"], email=users["stranger"].email, role=Role.EDITOR, now=timezone.now(),
        base_url="http://localhost",
    )  # fmt: skip
    link = signup.signup_path(email=f"new{number}@example.org", invited=False).rstrip("/").rpartition("/")[2]
    refresh = str(tokens.StoredRefreshToken.issue(user=users["viewer"], sign_in=uuid.uuid4().hex))
    return {
        "token": [invited.token, link, refresh, users["viewer"].email],
        "refresh": [refresh],
        "uidb64": ["MQ", "x"],
    }


def without_marks(text: str) -> str:
    """What a request may say of what a page showed."""
    return text.replace(HOME_MARK, "Words").replace(OTHER_MARK, "Words")


def may_see(person: Person, mark: str) -> bool:
    """Whether somebody has come to see a marked book by now, as a member or as staff."""
    if person.user is None:
        return False
    books = Book.objects.filter(name__contains=mark, memberships__user=person.user)
    return books.exists() or User.objects.filter(pk=person.user.pk, is_staff=True).exists()


def newest_event() -> int:
    newest = OutboxMessage.objects.order_by("-pk").values_list("pk", flat=True).first()
    return newest or 0


def unsettled(*, after: int) -> list[str]:
    """What the outbox could not do with the events after that one: a line for each that is dead or waits to try again."""
    testing.drain(raise_errors=False)
    stuck = OutboxMessage.objects.filter(pk__gt=after, status__in=("dead", "failed")).order_by("pk")
    return [f"{event.event_type} #{event.pk}: {event.error}" for event in stuck[:50]]
