"""Any sequence of services, beside a plain-Python model of the books that is asked the same questions."""

import datetime
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from finance import errors
from finance.ledger import services
from finance.ledger.models import Account, AccountMonth, JournalEntry
from finance.ledger.posting import EntryDraft, LineDraft
from finance.ledger.registers import Filters, register_page
from finance.ledger.selectors import balances, trial_balance
from identity.models import User

pytestmark = pytest.mark.long

DAYS = st.dates(datetime.date(2025, 11, 20), datetime.date(2026, 3, 10))
AMOUNTS = st.integers(1, 10**9)
TODAY = datetime.date(2026, 3, 31)


@dataclass
class ModelEntry:
    entry: JournalEntry
    date: datetime.date
    lines: list[tuple[int, int]]  # account id, amount
    reversed: bool = False


class Books(RuleBasedStateMachine):
    @initialize()
    def open_the_book(self):
        self.user = User.objects.create_user(f"user{User.objects.count()}@example.org", "x")
        self.book = services.create_book(
            owner=self.user, name="Model", base_currency="EUR", time_zone="Europe/Berlin", template="freelancer"
        )
        postable = Account.objects.filter(book=self.book).postable().exclude(kind="opening").order_by("pk")
        self.accounts = list(postable[:6])
        self.dollars = services.open_account(
            book=self.book, actor=self.user, name="USD", type="asset", kind="checking", currency="USD"
        )
        self.model: list[ModelEntry] = []
        self.closed = None

    def _lines(self, picks):
        """Balanced lines over distinct picks of accounts."""
        lines = [(self.accounts[index % 6].pk, amount) for index, amount in picks]
        return [*lines, (self.accounts[0].pk, -sum(amount for _, amount in lines))]

    def _drafts(self, lines):
        return [LineDraft(account_id=account_id, amount=amount) for account_id, amount in lines]

    def _is_closed(self, date):
        return self.closed is not None and date <= self.closed

    @rule(date=DAYS, picks=st.lists(st.tuples(st.integers(0, 5), AMOUNTS), min_size=1, max_size=4))
    def post(self, date, picks):
        lines = self._lines(picks)
        try:
            entry = services.post_entry(book=self.book, actor=self.user, date=date, lines=self._drafts(lines))
        except errors.PeriodClosedError:
            assert self._is_closed(date)
            return
        assert not self._is_closed(date)
        self.model.append(ModelEntry(entry, date, lines))

    @rule(dates=st.lists(DAYS, min_size=1, max_size=5), amount=AMOUNTS)
    def post_many(self, dates, amount):
        lines = self._lines([(1, amount), (2, 5)])
        drafts = [EntryDraft(date=date, lines=self._drafts(lines)) for date in dates]
        try:
            ids = services.post_entries(book=self.book, actor=self.user, drafts=drafts, source="import")
        except errors.PeriodClosedError:
            assert any(self._is_closed(date) for date in dates)
            return
        for entry_id, date in zip(ids, dates, strict=True):
            self.model.append(ModelEntry(JournalEntry.objects.get(pk=entry_id), date, lines))

    @rule(date=DAYS, euros=AMOUNTS, dollars=AMOUNTS)
    def exchange(self, date, euros, dollars):
        if self._is_closed(date):
            return
        entry = services.exchange(
            book=self.book,
            actor=self.user,
            date=date,
            source_account=self.accounts[0],
            source_amount=euros,
            target_account=self.dollars,
            target_amount=dollars,
        )
        lines = list(entry.lines.order_by("position").values_list("account_id", "amount"))
        self.model.append(ModelEntry(entry, date, lines))

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def reverse(self, data):
        chosen = data.draw(st.sampled_from(self.model))
        try:
            reversal = services.reverse_entry(entry=chosen.entry, actor=self.user, on=TODAY)
        except errors.AlreadyReversed:
            assert chosen.reversed
            return
        except errors.Conflict:
            assert chosen.entry.reverses_id is not None
            return
        assert not chosen.reversed
        chosen.reversed = True
        opposite = [(account_id, -amount) for account_id, amount in chosen.lines]
        date = TODAY if self._is_closed(chosen.date) else chosen.date
        self.model.append(ModelEntry(reversal, date, opposite))

    @precondition(lambda self: any(not each.reversed and each.entry.reverses_id is None for each in self.model))
    @rule(data=st.data(), amount=AMOUNTS)
    def correct(self, data, amount):
        candidates = [each for each in self.model if not each.reversed and each.entry.reverses_id is None]
        chosen = data.draw(st.sampled_from(candidates))
        lines = self._lines([(3, amount)])
        if self._is_closed(chosen.date):
            return
        replacement = services.correct_entry(
            entry=chosen.entry,
            actor=self.user,
            date=chosen.date,
            lines=self._drafts(lines),
            payee="",
            description="",
            on=TODAY,
        )
        chosen.reversed = True
        opposite = [(account_id, -value) for account_id, value in chosen.lines]
        self.model.append(ModelEntry(chosen.entry.reversed_by, chosen.date, opposite))
        self.model.append(ModelEntry(replacement, chosen.date, lines))

    @rule(day=DAYS)
    def close_or_reopen(self, day):
        if self.closed is None or day > self.closed:
            services.close_period(book=self.book, actor=self.user, through=day)
            self.closed = day
        else:
            services.reopen_period(book=self.book, actor=self.user, through=None)
            self.closed = None

    @invariant()
    def balances_agree(self):
        if not hasattr(self, "book"):
            return
        for as_of in (None, datetime.date(2025, 12, 31), datetime.date(2026, 1, 15)):
            held = {account: total for account, total in balances(book=self.book, as_of=as_of).items() if total}
            assert held == self._expected(as_of)

    @invariant()
    def the_books_balance(self):
        if hasattr(self, "book"):
            assert all(debit == credit for debit, credit in trial_balance(book=self.book, as_of=None).totals.values())

    def teardown(self):
        if not hasattr(self, "book"):
            return
        account = self.accounts[0]
        page = register_page(accounts=[account], limit=200, filters=Filters(with_superseded=True))
        expected = sorted(
            ((each.date, line_amount) for each in self.model for line_account, line_amount in each.lines
             if line_account == account.pk),
        )  # fmt: skip
        if len(expected) <= 200:
            assert sorted((row.date, row.amount) for row in page.rows) == expected
            shown = register_page(accounts=[account], limit=200)
            end = self._expected(None).get(account.pk, 0)
            if page.rows:
                assert page.rows[0].balance == end
            if shown.rows:
                assert shown.rows[0].balance == end
                for newer, older in zip(shown.rows, shown.rows[1:], strict=False):
                    assert newer.balance - newer.amount == older.balance
        months = AccountMonth.objects.filter(account=account)
        assert sum(month.lines for month in months) == len(expected)

    def _expected(self, as_of):
        sums: dict[int, int] = {}
        for each in self.model:
            if as_of is None or each.date <= as_of:
                for account_id, amount in each.lines:
                    sums[account_id] = sums.get(account_id, 0) + amount
        return {account_id: total for account_id, total in sums.items() if total}


@pytest.mark.ledger_guards
@pytest.mark.django_db
def test_the_books_agree_with_the_model_after_any_sequence_of_services():
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=12,
            stateful_step_count=15,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
