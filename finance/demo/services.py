"""Post the demonstration household through the same services that people use."""

import datetime
from collections.abc import Callable, Sequence

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from core.batches import in_batches
from finance.demo.diary import (
    CAR,
    CARD,
    CASH,
    CHECKING,
    DOLLARS,
    FRIEND,
    LOAN,
    SAVINGS,
    TRANSLATIONS,
    TRAVEL_USD,
    Correction,
    Diary,
    DiaryEntry,
)
from finance.demo.people import make_people
from finance.demo.plans import make_plans
from finance.demo.settling import household
from finance.demo.stories import OPENING
from finance.errors import Conflict, Invalid
from finance.ledger import plans, services
from finance.ledger.models import Account, AccountKind, AccountType, Book, JournalEntry
from finance.ledger.posting import EntryDraft, LineDraft
from finance.ledger.selectors import account_paths
from identity.models import User

BOOK_NAME = "The O'Briens' household"
TIME_ZONE = "Europe/Dublin"
MAX_MONTHS = 600
_CHUNK = 500

# Accounts that the household template does not have: path, type, kind, currency.
_FURTHER: Sequence[tuple[str, AccountType, AccountKind, str]] = (
    (DOLLARS, AccountType.ASSET, AccountKind.CHECKING, "USD"),
    (FRIEND, AccountType.ASSET, AccountKind.RECEIVABLE, "EUR"),
    (CAR, AccountType.ASSET, AccountKind.PROPERTY, "EUR"),
    (LOAN, AccountType.LIABILITY, AccountKind.LOAN, "EUR"),
    (TRANSLATIONS, AccountType.INCOME, AccountKind.CATEGORY, "USD"),
    (TRAVEL_USD, AccountType.EXPENSE, AccountKind.CATEGORY, "USD"),
)
_TEMPLATE_WITH_OPENING = (CHECKING, SAVINGS, CASH, CARD)


def has_demo_book(*, owner: User) -> bool:
    """Whether a book of the owner was filled by the demonstration before."""
    return Book.objects.visible_to(owner).filter(is_demo=True).exists()


@transaction.atomic
def seed_household(
    *,
    owner: User,
    months: int,
    seed: int,
    today: datetime.date,
    force_new: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Book:
    """Open a book for the owner and post `months` full months and the running one, through `today`, and plan what comes.

    The same (months, seed, today) give the same journal. `progress(done, total)` counts what is to be posted; a correction
    counts once, and makes three entries or more. Raises Conflict where
    the owner has a demonstration already, unless `force_new` asks for one more book.
    """
    if not 1 <= months <= MAX_MONTHS:
        raise Invalid(
            field="months",
            reason=_("Between 1 and %(max_months)s months can be generated.") % {"max_months": MAX_MONTHS},
        )
    if not force_new and has_demo_book(owner=owner):
        raise Conflict(
            reason=_("%(email)s already has a demonstration book; use --force-new for another one.")
            % {"email": owner.email}
        )
    diary = household(months=months, seed=seed, today=today)
    # The story names accounts as the template names them in English.
    with translation.override("en"):
        book = services.create_book(
            owner=owner,
            name=BOOK_NAME,
            base_currency="EUR",
            time_zone=TIME_ZONE,
            template="household",
            is_demo=True,
        )
        accounts = _open_accounts(book=book, owner=owner, on=diary.start - datetime.timedelta(days=1))
        _post(book=book, owner=owner, diary=diary, accounts=accounts, progress=progress)
        make_people(book=book, owner=owner, diary=diary, accounts=accounts)
        make_plans(book=book, owner=owner, diary=diary, accounts=accounts)
        plans.take_statistics(loaded=len(diary.postings))
    return book


def _open_accounts(*, book: Book, owner: User, on: datetime.date) -> dict[str, Account]:
    by_id = {account.pk: account for account in Account.objects.filter(book=book).select_related("book")}
    accounts = {path: by_id[account_id] for account_id, path in account_paths(book=book).items()}
    for path in _TEMPLATE_WITH_OPENING:
        services.post_opening_balance(account=accounts[path], actor=owner, amount=OPENING[path], on=on)
    for path, account_type, kind, currency in _FURTHER:
        above, _, name = path.rpartition(":")
        accounts[path] = services.open_account(
            book=book,
            actor=owner,
            name=name,
            type=account_type,
            kind=kind,
            currency=currency,
            parent=accounts[above],
            opening_balance=OPENING.get(path, 0),
            opened_on=on,
        )
    return accounts


def _post(
    *, book: Book, owner: User, diary: Diary, accounts: dict[str, Account], progress: Callable[[int, int], None]
) -> None:
    total = len(diary.postings) + len(diary.exchanges) + len(diary.corrections)
    done = 0
    for chunk in in_batches(diary.postings, size=_CHUNK):
        drafts = [
            EntryDraft(
                date=posting.date, payee=posting.payee, description=posting.description, lines=_lines(posting, accounts)
            )
            for posting in chunk
        ]
        services.post_entries(book=book, actor=owner, drafts=drafts, source=JournalEntry.Source.DEMO)
        done += len(chunk)
        progress(done, total)
    for exchange in diary.exchanges:
        services.exchange(
            book=book,
            actor=owner,
            date=exchange.date,
            source_account=accounts[exchange.source],
            source_amount=exchange.given,
            target_account=accounts[exchange.target],
            target_amount=exchange.received,
            payee=exchange.payee,
            description="Currency exchange",
        )
    for correction in diary.corrections:
        _correct(book=book, owner=owner, correction=correction, accounts=accounts, on=diary.today)
    progress(total, total)


def _lines(posting: DiaryEntry, accounts: dict[str, Account]) -> list[LineDraft]:
    return [LineDraft(account_id=accounts[path].pk, amount=amount, memo=memo) for path, amount, memo in posting.lines]


def _correct(
    *, book: Book, owner: User, correction: Correction, accounts: dict[str, Account], on: datetime.date
) -> None:
    wrong = correction.wrong
    entry = services.post_entry(
        book=book,
        actor=owner,
        date=wrong.date,
        payee=wrong.payee,
        lines=_lines(wrong, accounts),
        source=JournalEntry.Source.DEMO,
    )
    for replacement in correction.replacements:
        entry = services.correct_entry(
            entry=entry,
            actor=owner,
            date=replacement.date,
            payee=replacement.payee,
            description=replacement.description,
            lines=_lines(replacement, accounts),
            on=on,
        )
