"""How good suggestions are: ledgers learned month by month, each month suggested before it is learned.

python bench/suggestions.py                 24 months of two generated households, 36 of the Beancount project's example
python bench/suggestions.py --quick         9 months of each
python bench/suggestions.py --ledger FILE   instead of the example, a Beancount ledger of yours
python bench/suggestions.py --no-peers      without smart_importer

Compared with the most frequent account of a payee, and with smart_importer (a linear SVM over words, which states no
probability), which trains on everything before the month. Rows that nothing is said about count as wrong.
"""

import argparse
import datetime
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import peers

peers.enter()

import harness  # noqa: E402
from suggestions_app.households import ENGLISH, GERMAN, Row, rows_of  # noqa: E402
from suggestions_app.ledgers import example  # noqa: E402
from suggestions_app.ledgers import rows_of as rows_of_ledger  # noqa: E402

from finance.imports.services import learn_book  # noqa: E402
from finance.imports.suggestions.reader import Asked, Suggestions  # noqa: E402
from finance.ledger import services  # noqa: E402
from finance.ledger.models import Account, Book  # noqa: E402
from finance.ledger.posting import EntryDraft, LineDraft  # noqa: E402
from finance.rules.engine import key_words  # noqa: E402
from identity.models import User  # noqa: E402
from platform_outbox import testing  # noqa: E402

# The first months only teach.
FIRST_TESTED = 4
PRECISION = 0.95


@dataclass(frozen=True, slots=True)
class Guess:
    """Categories, the likeliest first, and the probability of the first (None: not stated)."""

    names: tuple[str, ...]
    chance: float | None


class Ours:
    """Through the services: entries are posted, learned, and asked for."""

    def __init__(self, seed: int, types: Mapping[str, str]) -> None:
        """A book with the usual accounts, or with those of `types` (names and their types) alone."""
        owner = User.objects.create_user(f"bench{seed}@example.org", "correct horse battery")
        usual = {} if not types else {"template": None}
        self.book: Book = services.create_book(owner=owner, name="Bench", base_currency="EUR", time_zone="UTC", **usual)
        for name, type in ({"Own": "asset"} | types if types else {}).items():
            kind = {"asset": "savings", "liability": "card"}.get(type, "category")
            services.open_account(
                book=self.book, actor=owner, name=name, type=type, currency="EUR", parent=None,
                kind="checking" if name == "Own" else kind,
            )  # fmt: skip
        accounts = Account.objects.filter(book=self.book).select_related("book").order_by("pk")
        self.ids = {account.name: account.pk for account in accounts if account.kind != "group"}
        self.names = {pk: name for name, pk in self.ids.items()}
        self.own = next(account for account in accounts if account.kind == "checking")

    def suggest(self, rows: Sequence[Row]) -> list[Guess]:
        asked = [Asked(payee=row.payee, description=row.description, amount=row.amount) for row in rows]
        return [
            Guess(
                tuple(self.names[x.account_id] for x in each.offers), each.offers[0].chance / 100 if each.offers else 0
            )
            for each in Suggestions(account=self.own).for_rows(asked)
        ]

    def learn(self, rows: Sequence[Row]) -> None:
        drafts = [
            EntryDraft(
                date=datetime.date(2024 + row.month // 12, row.month % 12 + 1, row.day), payee=row.payee, description=row.description,
                lines=[
                    LineDraft(account_id=self.own.pk, amount=row.amount),
                    LineDraft(account_id=self.ids[row.filed], amount=-row.amount),
                ],
            )
            for row in rows
        ]  # fmt: skip
        services.post_entries(book=self.book, actor=None, drafts=drafts, source="import")
        learn_book(book=self.book)


class Majority:
    """The account that most entries of the payee went to, with its share of them."""

    def __init__(self) -> None:
        self.votes: dict[tuple[str, bool], Counter[str]] = defaultdict(Counter)

    def suggest(self, rows: Sequence[Row]) -> list[Guess]:
        found = []
        for row in rows:
            votes = self.votes.get((key_words(row.payee), row.amount < 0), Counter())
            top = tuple(name for name, _count in votes.most_common(3))
            found.append(Guess(top, votes[top[0]] / votes.total() if top else 0))
        return found

    def learn(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self.votes[key_words(row.payee), row.amount < 0][row.filed] += 1


class SmartImporter:
    """smart_importer's PredictPostings, as its hook is called by an importer."""

    def __init__(self) -> None:
        self.known: list[Any] = []

    def suggest(self, rows: Sequence[Row]) -> list[Guess]:
        from smart_importer import PredictPostings

        asked = [self._transaction(row, None) for row in rows]
        opened = self._opened()
        (result,) = PredictPostings().hook([("file", asked, "Assets:Own", None)], [*opened, *self.known])  # type: ignore[list-item]
        guesses = []
        for each in result[1]:
            others = [posting.account for posting in each.postings if posting.account != "Assets:Own"]
            guesses.append(
                Guess(tuple(other.removeprefix("Expenses:").replace("-", " ") for other in others[:1]), None)
            )
        return guesses

    def learn(self, rows: Sequence[Row]) -> None:
        self.known += [self._transaction(row, row.filed) for row in rows]

    def _opened(self) -> list[Any]:
        from beancount.core import data

        names = {posting.account for entry in self.known for posting in entry.postings}
        day = datetime.date(2000, 1, 1)
        return [data.Open(data.new_metadata("bench", 1), day, name, None, None) for name in sorted(names)]

    def _transaction(self, row: Row, filed: str | None) -> Any:
        from beancount.core import amount, data
        from beancount.core.number import D

        day = datetime.date(2024 + row.month // 12, row.month % 12 + 1, row.day)
        postings = [data.Posting("Assets:Own", amount.Amount(D(row.amount) / 100, "EUR"), None, None, None, None)]
        if filed is not None:
            name = "Expenses:" + filed.replace(" ", "-")
            postings.append(data.Posting(name, amount.Amount(D(-row.amount) / 100, "EUR"), None, None, None, None))
        return data.Transaction(
            data.new_metadata("bench", row.month),
            day,
            "*",
            row.payee,
            row.description,
            frozenset(),
            frozenset(),
            postings,
        )


@dataclass(slots=True)
class Score:
    rows: int = 0
    first: int = 0
    among_three: int = 0
    seconds: float = 0.0
    stated: list[tuple[float, bool, bool]] = field(default_factory=list)

    def coverage(self) -> float:
        """Largest share of all rows that can be decided so that 95 % of those are right."""
        right, best = 0, 0
        for place, (_chance, was_right, _filed) in enumerate(sorted(self.stated, key=lambda item: -item[0]), 1):
            right += was_right
            best = place if right >= PRECISION * place else best
        return best / self.rows

    def off(self) -> float:
        """Mean distance of the stated probability from how often people filed it so, over tenths."""
        tenths: dict[int, list[tuple[float, bool]]] = defaultdict(list)
        for chance, _right, filed in self.stated:
            tenths[min(int(chance * 10), 9)].append((chance, filed))
        gaps = [abs(sum(chance - was for chance, was in each)) for each in tenths.values()]
        return sum(gaps) / max(len(self.stated), 1)


def measure(make: Callable[[], Any], rows: Sequence[Row], *, months: int) -> Score:
    """Month by month: suggest, compare with the truth, learn what was filed."""
    subject, score = make(), Score()
    for month in range(months):
        now = [row for row in rows if row.month == month]
        if month >= FIRST_TESTED:
            started = time.perf_counter()
            guesses = subject.suggest(now)
            score.seconds += time.perf_counter() - started
            for row, guess in zip(now, guesses, strict=True):
                right = guess.names[:1] == (row.category,)
                score.rows += 1
                score.first += right
                score.among_three += row.category in guess.names[:3]
                if guess.names and guess.chance is not None:
                    score.stated.append((guess.chance, right, guess.names[0] == row.filed))
        started = time.perf_counter()
        subject.learn(now)
        score.seconds += time.perf_counter() - started
    return score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="9 months")
    parser.add_argument("--ledger", type=Path, help="a Beancount file, instead of the project's example")
    parser.add_argument("--no-peers", action="store_true", help="without smart_importer")
    options = parser.parse_args()
    figures: dict[str, harness.Figure] = {}
    public, types = rows_of_ledger(options.ledger.read_text() if options.ledger else example(seed=options.seed))
    public_months = min(max(row.month for row in public) + 1, 9 if options.quick else 36)
    months = 9 if options.quick else 24
    subjects_of: dict[str, tuple[Sequence[Row], Mapping[str, str], int]] = {
        "German": (rows_of(GERMAN, months=months, seed=options.seed), {}, months),
        "English": (rows_of(ENGLISH, months=months, seed=options.seed + 1), {}, months),
        "public": (public, types, public_months),
    }
    with harness.scratch_database(), testing.muted_notifier():
        for number, (label, (rows, types, count)) in enumerate(subjects_of.items()):
            subjects: dict[str, Callable[[], Any]] = {
                "ours": lambda number=number, types=types: Ours(number, types), "by payee": Majority,
            }  # fmt: skip
            if peers.has("smart_importer") and not options.no_peers:
                subjects["smart_importer"] = SmartImporter
            for name, make in subjects.items():
                score = measure(make, rows, months=count)
                told = {"top 1": score.first / score.rows, "top 3": score.among_three / score.rows}
                if score.stated:
                    told |= {"sure at 95 %": score.coverage(), "off by": score.off()}
                for what, value in told.items():
                    figure = figures.setdefault(
                        f"{label}: {name}, {what}", harness.Figure(f"{label}: {name}, {what}", "%")
                    )
                    figure.values.append(100 * value)
                print(f"{label}, {name}: {score.rows} rows, {score.seconds:.1f} s", flush=True)
        limits = [
            harness.Ratio(f"{label}: ours, {what}", f"{label}: by payee, {what}", 1.0)
            for label in subjects_of
            for what in ("top 1", "top 3", "sure at 95 %")
        ]
        harness.report(title=f"suggestions-{months}", figures=figures, ratios=limits)


if __name__ == "__main__":
    main()
    raise SystemExit(harness.status())
