"""Makes a report from its definition. The page, the files and the API all show what `build_report` returns."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from finance.errors import Invalid, NotFound
from finance.ledger.models import Account, AccountKind, AccountType, Book
from finance.ledger.movements import OWN_KINDS
from finance.ledger.selectors import accounts_of, ids_inside, paths_of
from finance.periods import PayRule
from finance.reports import selectors
from finance.reports.columns import Column, columns_of, main_column
from finance.reports.definition import By, Columns, Compare, Definition, Kind, Scope, scope_of
from finance.reports.figures import Cell, Report, Row, Section, added, tree_rows
from finance.reports.selectors import Cut
from finance.reports.valuing import RatesOf, Values, grouped_cells, moved_cells, rates_for, spans_of
from finance.tags.selectors import tags_of
from identity.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What every kind of report is made from."""

    book: Book
    definition: Definition
    scope: Scope
    tree: list[Account]
    columns: list[Column]
    values: Values

    def of(self, *types: str) -> list[Account]:
        """The accounts of these types, without the trading accounts, in tree order."""
        return [each for each in self.tree if each.type in types and each.kind != AccountKind.TRADING]

    def section(
        self,
        key: str,
        title: str,
        accounts: Sequence[Account],
        cells: Mapping[int, Sequence[Cell]],
        *,
        total: str,
        largest_first: bool = False,
    ) -> Section:
        """A tree of accounts with its total; `cells` are with the sign that people expect."""
        asked = self.definition
        rows = tree_rows(
            accounts,
            cells,
            columns=len(self.columns),
            depth=asked.depth,
            empty=asked.empty,
            largest_first=main_column(self.columns) if largest_first else None,
        )
        sums = added((cells[each.pk] for each in accounts if each.pk in cells), columns=len(self.columns))
        return Section(key=key, title=title, currency=self.book.base_currency, rows=rows, total=sums, total_label=total)

    def report(self, sections: list[Section], summary: list[Row], *, not_valued: Sequence[Cell]) -> Report:
        """The finished report; `not_valued` is the row whose amounts without a rate are listed."""
        return Report(
            definition=self.definition,
            scope=self.scope,
            currency=self.book.base_currency,
            columns=self.columns,
            sections=sections,
            summary=summary,
            not_valued=dict(not_valued[main_column(self.columns)].unvalued),
            rates=self.values.rates.used(),
        )


def build_report(
    *,
    book: Book,
    definition: Definition,
    today: datetime.date,
    pay: PayRule | None = None,
    rates_of: RatesOf | None = None,
) -> Report:
    """The report as of what is known now, or was at `definition.known_at`.

    `today` is the day in the book's time zone. Raises Invalid (the parameter that cannot be met) and NotFound (an
    account of another book).
    """
    first_day = selectors.first_day_of(book=book) or today
    scope = scope_of(definition, today=today, pay=pay, first_day=first_day)
    if definition.kind is Kind.TRIAL_BALANCE and (definition.columns, definition.compare) != (
        Columns.NONE,
        Compare.NONE,
    ):
        name = "compare" if definition.columns is Columns.NONE else "columns"
        raise Invalid(field=name, reason=_("A trial balance has its own columns: opening, debits, credits, closing."))
    columns = columns_of(definition, scope, today=today, pay=pay, first_day=first_day)
    rates = rates_for(columns, rates_of=rates_of, at_ends=definition.is_of_holdings)
    asked = Asked(
        book=book,
        definition=definition,
        scope=scope,
        tree=accounts_of(book=book),
        columns=columns,
        values=Values(book, rates),
    )
    return _BUILDERS[definition.kind](asked)


def _balance_sheet(asked: Asked) -> Report:
    """What is owned and owed, and where it came from. The two sides are equal, as what no account explains is shown."""
    held = _held(asked, asked.of(*AccountType.values))
    sections, worth = _owned_and_owed(asked, held)
    equity = asked.of(AccountType.EQUITY)
    result_of = asked.of(AccountType.INCOME, AccountType.EXPENSE)
    columns = len(asked.columns)
    result = [-cell for cell in added((held[each.pk] for each in result_of), columns=columns)]
    own = asked.section(
        "equity",
        _("Where it came from"),
        equity,
        {each.pk: _negative(held[each.pk]) for each in equity},
        total=_("Total"),
    )
    explained = added([own.total, result], columns=columns)
    rest = [one - other for one, other in zip(worth, explained, strict=True)]
    rows = [*own.rows, Row(key="result", label=_("Income less spending, to this day"), cells=result)]
    if any(rest):
        rows.append(Row(key="differences", label=_("Exchange rates"), cells=rest))
    sections.append(
        Section(
            key="equity",
            title=own.title,
            currency=own.currency,
            rows=rows,
            total=added([explained, rest], columns=columns),
            total_label=own.total_label,
        )
    )
    return asked.report(sections, [Row(key="net_worth", label=_("Net worth"), cells=worth)], not_valued=worth)


def _net_worth(asked: Asked) -> Report:
    """What is owned less what is owed, at the end of each column."""
    sections, worth = _owned_and_owed(asked, _held(asked, asked.of(AccountType.ASSET, AccountType.LIABILITY)))
    return asked.report(sections, [Row(key="net_worth", label=_("Net worth"), cells=worth)], not_valued=worth)


def _owned_and_owed(asked: Asked, held: Mapping[int, list[Cell]]) -> tuple[list[Section], list[Cell]]:
    sections = [
        asked.section("assets", _("What we own"), asked.of(AccountType.ASSET), held, total=_("Total owned")),
        asked.section("liabilities", _("What we owe"), asked.of(AccountType.LIABILITY), held, total=_("Total owed")),
    ]
    return sections, added([section.total for section in sections], columns=len(asked.columns))


def _held(asked: Asked, accounts: Sequence[Account]) -> dict[int, list[Cell]]:
    moved = selectors.movements(
        book=asked.book,
        accounts=accounts,
        spans=spans_of(asked.columns),
        known_at=asked.definition.known_at,
        from_beginning=True,
    )
    return asked.values.held(accounts, moved, asked.columns)


def _income_statement(asked: Asked) -> Report:
    """What came in and went out, and what was left."""
    income, expenses = asked.of(AccountType.INCOME), asked.of(AccountType.EXPENSE)
    cells = _moved(asked, [*income, *expenses])
    earned = {each.pk: _negative(cells[each.pk]) for each in income if each.pk in cells}
    sections = [
        asked.section("income", _("Income"), income, earned, total=_("Total income")),
        asked.section("expenses", _("Spending"), expenses, cells, total=_("Total spending")),
    ]
    left = [one - other for one, other in zip(sections[0].total, sections[1].total, strict=True)]
    return asked.report(sections, [Row(key="left", label=_("Left over"), cells=left)], not_valued=left)


def _moved(asked: Asked, accounts: Sequence[Account]) -> dict[int, list[Cell]]:
    return moved_cells(
        values=asked.values,
        tree=asked.tree,
        accounts=accounts,
        columns=asked.columns,
        known_at=asked.definition.known_at,
    )


def _spending(asked: Asked) -> Report:
    """Spending or income, by category as a tree, or by payee or member as a list, the largest first."""
    definition = asked.definition
    of_income = definition.kind is Kind.INCOME
    accounts = _chosen(asked, asked.of(AccountType.INCOME if of_income else AccountType.EXPENSE))
    title = _("Income") if of_income else _("Spending")
    total = _("Total income") if of_income else _("Total spending")
    if definition.by is By.CATEGORY:
        cells = _moved(asked, accounts)
        signed = {pk: _negative(row) if of_income else row for pk, row in cells.items()}
        section = asked.section(definition.kind.value, title, accounts, signed, total=total, largest_first=True)
        return asked.report([section], [], not_valued=section.total)
    cut = Cut(accounts=accounts, known_at=definition.known_at)
    found = grouped_cells(values=asked.values, tree=asked.tree, cut=cut, columns=asked.columns, by=definition.by.value)
    rows = _group_rows(asked, {key: _negative(row) if of_income else row for key, row in found.items()})
    sums = added([row.cells for row in rows], columns=len(asked.columns))
    if definition.by is By.TAG:
        # An entry counts under each of its tags, and in the total once.
        once = added(_moved(asked, accounts).values(), columns=len(asked.columns))
        sums = _negative(once) if of_income else once
    section = Section(
        key=definition.kind.value,
        title=title,
        currency=asked.book.base_currency,
        rows=rows,
        total=sums,
        total_label=total,
    )
    return asked.report([section], [], not_valued=section.total)


def _chosen(asked: Asked, accounts: list[Account]) -> list[Account]:
    """Those inside of the account that the definition names."""
    chosen = asked.definition.account
    if chosen is None:
        return accounts
    inside = ids_inside(chosen, accounts)
    found = [account for account in accounts if account.pk in inside]
    if not found:
        raise NotFound(thing="account of this kind")
    return found


def _group_rows(asked: Asked, cells: Mapping[object, list[Cell]]) -> list[Row]:
    """Payees or members, the largest first; those behind the first `top` as one row."""
    definition = asked.definition
    main = main_column(asked.columns)
    names: Mapping[object, str] = {}
    if definition.by is By.MEMBER:
        users = User.objects.filter(pk__in=[key for key in cells if key is not None])
        names = {user.pk: user.name or user.email for user in users}
    elif definition.by is By.TAG:
        names = {tag.pk: tag.name for tag in tags_of(book=asked.book)}
    nobody = group_text(definition.by)
    rows = [
        Row(
            key=f"{definition.by.value}-{'' if key is None else key}",
            label=str(names.get(key, key) or nobody),
            cells=row,
            group="" if key is None else str(key),
        )
        for key, row in cells.items()
        if any(row) or definition.empty
    ]
    rows.sort(key=lambda row: (-row.cells[main].amount, row.label.casefold(), row.key))
    if len(rows) > definition.top:
        rest = rows[definition.top :]
        label = _("%(count)d others") % {"count": len(rest)}
        others = Row(key="others", label=label, cells=added([row.cells for row in rest], columns=len(asked.columns)))
        rows = [*rows[: definition.top], others]
    return rows


def group_text(by: By) -> str:
    """The row of what has no payee, tag or member."""
    texts = {By.PAYEE: _("No payee"), By.TAG: _("No tag")}
    return texts.get(by) or _("No member: bank files and LifeOS itself")


def _cash_flow(asked: Asked) -> Report:
    """What changed the household's own money, by where it came from and went; own transfers cancel.

    Own money is bank accounts, cash and cards. The sections add up to what came in less what went out, each at the
    rate of its day; opening and closing are holdings, so that a change of rates has a row between the two.
    """
    own = [each for each in asked.tree if each.kind in OWN_KINDS]
    others = [each for each in asked.tree if each.kind not in OWN_KINDS]
    cut = Cut(accounts=others, known_at=asked.definition.known_at, own_only=True)
    cells = {
        key: _negative(row)
        for key, row in grouped_cells(
            values=asked.values, tree=asked.tree, cut=cut, columns=asked.columns, by="account"
        ).items()
    }
    rest = asked.of(AccountType.ASSET, AccountType.LIABILITY, AccountType.EQUITY)
    trading = [each for each in asked.tree if each.kind == AccountKind.TRADING]
    sections = [
        asked.section("income", _("Income"), asked.of(AccountType.INCOME), cells, total=_("From income")),
        asked.section("expenses", _("Spending"), asked.of(AccountType.EXPENSE), cells, total=_("For spending")),
        asked.section(
            "other",
            _("Loans, investments, property and the like"),
            [each for each in rest if each.kind not in OWN_KINDS],
            cells,
            total=_("For these"),
        ),
    ]
    columns = len(asked.columns)
    exchanged = added((cells[each.pk] for each in trading if each.pk in cells), columns=columns)
    change = added([*(section.total for section in sections), exchanged], columns=columns)
    opening, closing = _own_money(asked, own)
    drift = [end - start - moved for end, start, moved in zip(closing, opening, change, strict=True)]
    summary = [
        *([Row(key="exchanged", label=_("Exchanged between currencies"), cells=exchanged)] if any(exchanged) else []),
        Row(key="change", label=_("Change of our money"), cells=change),
        Row(key="opening", label=_("Money at the beginning"), cells=opening),
        *([Row(key="drift", label=_("Changes of exchange rates"), cells=drift)] if any(drift) else []),
        Row(key="closing", label=_("Money at the end"), cells=closing),
    ]
    return asked.report(sections, summary, not_valued=change)


def _own_money(asked: Asked, own: Sequence[Account]) -> tuple[list[Cell], list[Cell]]:
    """What the household's own accounts held before each column and at its end."""
    moved = selectors.movements(
        book=asked.book,
        accounts=own,
        spans=spans_of(asked.columns),
        known_at=asked.definition.known_at,
        from_beginning=True,
    )
    opening = asked.values.held_before(own, moved, asked.columns)
    closing = asked.values.held(own, moved, asked.columns)
    columns = len(asked.columns)
    return added(opening.values(), columns=columns), added(closing.values(), columns=columns)


TRIAL_COLUMNS = ("opening", "debit", "credit", "closing")


def _trial_balance(asked: Asked) -> Report:
    """Every account's opening balance, debits, credits and closing balance, per currency; debit is positive."""
    (span,) = spans_of(asked.columns)
    accounts = [each for each in asked.tree if each.kind != AccountKind.GROUP]
    moved = selectors.movements(
        book=asked.book,
        accounts=accounts,
        spans=[span],
        known_at=asked.definition.known_at,
        from_beginning=True,
    )
    paths = paths_of(asked.tree)
    by_currency: dict[str, list[Row]] = {}
    for account in accounts:
        debit, credit = moved.turnover(account.pk, span)
        nets = moved.nets(account.pk)
        closing = nets[-1] if nets else 0
        figures = (closing - debit + credit, debit, credit, closing)
        if any(figures) or asked.definition.empty:
            row = Row(
                key=f"account-{account.pk}",
                label=paths[account.pk],
                cells=[Cell(amount=figure) for figure in figures],
                account=account,
            )
            by_currency.setdefault(account.currency, []).append(row)
    sections = [
        Section(
            key=currency,
            title=currency,
            currency=currency,
            rows=rows,
            total=added([row.cells for row in rows], columns=len(TRIAL_COLUMNS)),
            total_label=_("Total"),
        )
        for currency, rows in sorted(by_currency.items())
    ]
    return Report(
        definition=asked.definition,
        scope=asked.scope,
        currency=asked.book.base_currency,
        columns=[Column(role=role, spans=(span,)) for role in TRIAL_COLUMNS],
        sections=sections,
        summary=[],
        not_valued={},
    )


def _negative(cells: Sequence[Cell]) -> list[Cell]:
    return [-cell for cell in cells]


_BUILDERS = {
    Kind.BALANCE_SHEET: _balance_sheet,
    Kind.NET_WORTH: _net_worth,
    Kind.INCOME_STATEMENT: _income_statement,
    Kind.SPENDING: _spending,
    Kind.INCOME: _spending,
    Kind.CASH_FLOW: _cash_flow,
    Kind.TRIAL_BALANCE: _trial_balance,
}
