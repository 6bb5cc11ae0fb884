"""Asks what was learned of a book for the rows of one account."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.conf import settings
from django.db.models import Count
from django.utils.translation import gettext

from finance.imports.models import LearnedBook, PayeeName, WordCount
from finance.imports.suggestions import prior
from finance.imports.suggestions.model import TOP, Calibration, Counts, class_of, rank
from finance.imports.suggestions.words import EVERY, KEY, features, told
from finance.ledger.models import Account, AccountType
from finance.ledger.uncategorised import categorised
from finance.payees.selectors import aliases_in
from finance.rules.engine import key_words

# Below this chance a category is offered, not chosen.
CHOSEN_FROM = 0.75
# Below this it is not offered either.
OFFERED_FROM = 0.05
# How many payees must be known before a new one is judged by where the others went.
_FEWEST_PAYEES = 10
# The share of a payee's entries, by weight, that must have a name before it is suggested.
_NAME_SHARE, _NAME_WEIGHT = 0.6, 2
_TYPES = (AccountType.INCOME, AccountType.EXPENSE, AccountType.ASSET, AccountType.LIABILITY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A row to be judged: minor units on the own account, money out negative."""

    payee: str
    description: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An account, how likely it is in percent, and why, as a sentence."""

    account_id: int
    chance: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """Up to three accounts, the likeliest first; `chosen` is the first one where it is likely enough. `name` is what
    people call the payee, or ""."""

    offers: tuple[Offer, ...] = ()
    chosen: Offer | None = None
    name: str = ""


class Suggestions:
    """What was learned of the account's book. With ENABLE_ML off it knows nothing, and reads no table."""

    def __init__(self, *, account: Account) -> None:
        self._account = account
        self._on = bool(settings.ENABLE_ML)
        if not self._on:
            return
        learned = LearnedBook.objects.filter(pk=account.book_id).first()
        calibration = Calibration(learned.tried, learned.right) if learned and learned.tried else Calibration()
        self._chances = calibration.chances()
        # Never the row's own account, a closed one, or one of another currency.
        open_accounts = Account.objects.postable().filter(
            book_id=account.book_id, currency=account.currency, type__in=_TYPES
        )
        self._accounts = {found.pk: found for found in categorised(open_accounts) if found.pk != account.pk}
        self._prior = prior.by_word(list(self._accounts.values()))

    def for_rows(self, rows: Sequence[Asked]) -> list[Suggested]:
        """What is suggested for each of the rows: at most three queries for all of them, none with ENABLE_ML off."""
        if not self._on:
            return [Suggested()] * len(rows)
        currency, own = self._account.currency, self._account.pk
        words = [
            features(
                payee=row.payee, description=row.description, amount=row.amount, currency=currency, account_id=own
            )
            for row in rows
        ]  # fmt: skip
        counts = Counts()
        wanted = {EVERY, *(word for each in words for word in each)}
        found = WordCount.objects.filter(book_id=self._account.book_id, word__in=wanted, entries__gt=0)
        for word, outgoing, account_id, entries, weight in found.values_list(
            "word", "outgoing", "account_id", "entries", "weight"
        ):
            counts.of[word, outgoing][account_id] = [entries, weight]
        names = self._names({key_words(row.payee) for row in rows})
        return [
            self._suggested(row, each, counts, names.get(key_words(row.payee), ""))
            for row, each in zip(rows, words, strict=True)
        ]

    def _suggested(self, row: Asked, words: tuple[str, ...], counts: Counts, name: str) -> Suggested:
        outgoing = row.amount < 0
        offers = []
        for each in rank(words, outgoing=outgoing, counts=counts, allowed=self._accounts):
            chance = min(self._chances[class_of(each.stated)], 0.99)
            if chance >= OFFERED_FROM and each.times:
                why = gettext("because of %(words)s: %(times)d of %(total)d times %(account)s") % {
                    "words": told(each.features), "times": each.times, "total": each.total,
                    "account": self._accounts[each.account_id].name,
                }  # fmt: skip
                offers.append(Offer(account_id=each.account_id, chance=round(100 * chance), why=why))
        if not offers and (found := prior.lookup(self._prior, words, outgoing=outgoing)):
            word, account_id = found
            why = gettext("because “%(word)s” usually means %(account)s") % {
                "word": word, "account": self._accounts[account_id].name,
            }  # fmt: skip
            offers.append(Offer(account_id=account_id, chance=round(100 * prior.CHANCE), why=why))
        chosen = offers[0] if offers and offers[0].chance >= 100 * CHOSEN_FROM else None
        if not offers and any(word.startswith(KEY) for word in words):
            offers = self._by_other_payees[outgoing]
        return Suggested(offers=tuple(offers), chosen=chosen, name=name if name != row.payee else "")

    @cached_property
    def _by_other_payees(self) -> dict[bool, list[Offer]]:
        """For a payee of whom nothing is known: where most payees' money went (True) or came from. Offered, never chosen."""
        found = WordCount.objects.filter(book_id=self._account.book_id, word__startswith=KEY, entries__gt=0)
        payees: dict[bool, dict[int, int]] = {True: {}, False: {}}
        for outgoing, account_id, count in found.values_list("outgoing", "account_id").annotate(Count("pk")):
            payees[outgoing][account_id] = count
        offers: dict[bool, list[Offer]] = {True: [], False: []}
        for outgoing, by_account in payees.items():
            total = sum(by_account.values())
            if total < _FEWEST_PAYEES:
                continue
            for account_id in sorted(by_account, key=lambda each: (-by_account[each], each)):
                chance = by_account[account_id] / total
                if chance >= OFFERED_FROM and account_id in self._accounts and len(offers[outgoing]) < TOP:
                    why = gettext("no word of it is known; of %(total)d payees %(times)d are %(account)s") % {
                        "total": total, "times": by_account[account_id], "account": self._accounts[account_id].name,
                    }  # fmt: skip
                    offers[outgoing].append(Offer(account_id=account_id, chance=round(100 * chance), why=why))
        return offers

    def _names(self, keys: set[str]) -> dict[str, str]:
        """The name that people gave to most entries of a bank's text; an unchanged text counts as the name ""."""
        votes: dict[str, dict[str, int]] = defaultdict(dict)
        found = PayeeName.objects.filter(book_id=self._account.book_id, key__in=keys - {""}, weight__gt=0)
        for key, name, weight in found.values_list("key", "name", "weight"):
            votes[key][name] = weight
        best = {key: max(names.items(), key=lambda item: item[1]) for key, names in votes.items()}
        learned = {
            key: name
            for key, (name, weight) in best.items()
            if weight >= _NAME_WEIGHT and weight >= _NAME_SHARE * sum(votes[key].values())
        }
        # What people said themselves, as an alias of a payee, needs no votes.
        said = {key_words(alias): name for alias, name in aliases_in(book_id=self._account.book_id).items()}
        return {**learned, **{key: name for key, name in said.items() if key in keys and key}}
