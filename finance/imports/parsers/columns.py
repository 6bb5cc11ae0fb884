"""Which column of a CSV file is what: by the words of the header first, by the content where words fail."""

from collections import Counter
from collections.abc import Collection, Sequence
from decimal import Decimal
from itertools import pairwise

from core.texts import gettext as _
from finance.imports.parsers.amounts import infer_decimal_mark, signed_value, take_apart
from finance.imports.parsers.column import Column, Roles
from finance.imports.parsers.counted_days import count_of
from finance.imports.parsers.role_words import names_a_number
from finance.imports.parsers.sums import columns_that_add_up
from finance.imports.parsers.words import (
    balance_kind,
    bare_number,
    currency_code,
    currency_in_header,
    direction_of,
    is_pending,
    is_settled,
    is_void,
    looks_like_account,
    plain,
)
from finance.money import known_currencies

_NET = frozenset(["net", "nets", "nett", "netto", "nette", "neto", "netta", "liquido"])


def find_roles(columns: Sequence[Column], *, currency: str = "", own_accounts: Collection[str] = ()) -> Roles:
    """Roles for all columns that have one.

    `currency` is that of the account, `own_accounts` are numbers of the household's accounts, as banks write them.
    """
    roles = Roles()
    _find_dates(columns, roles)
    _find_amounts(columns, roles, currency)
    _find_balance(columns, roles)
    _find_marks(columns, roles)
    if currency and roles.amount is not None and currency_in_header(columns[roles.amount].header) == currency:
        # A column of currencies beside it is of what was paid abroad.
        roles.currency = None
    _find_accounts(columns, roles, frozenset(map(bare_number, own_accounts)))
    _find_texts(columns, roles)
    return roles


def _find_dates(columns: Sequence[Column], roles: Roles) -> None:
    dated = [column for column in columns if column.filled and column.dates >= 0.5]
    named = [column for column in dated if column.score("date") > 0]
    if not dated:
        # Counted days look like amounts: those of a column named after dates, or else of the first that holds nothing else.
        counted = [column for column in columns if count_of(column.filled)]
        named = [column for column in counted if column.score("date") > 0]
        dated = [column for column in counted if not column.header]

    def rank(column: Column) -> float:
        full = sum(1 for cell in column.cells if cell or is_pending(cell)) / max(len(column.cells), 1)
        return (column.score("date") or 30) + (40 if full > 0.2 else 0) + 10 * column.dates

    ranked = sorted(named or dated, key=lambda column: (-rank(column), column.index))
    if not ranked:
        return
    roles.date = ranked[0].index
    # A second date helps where the first is empty (card payments that are not settled yet).
    roles.value_date = ranked[1].index if len(ranked) > 1 else None
    roles.time = next((c.index for c in columns if c.score("time") and c.filled and c.index != roles.date), None)


def _find_amounts(columns: Sequence[Column], roles: Roles, currency: str) -> None:
    numeric = [c for c in columns if c.filled and c.amounts >= 0.8 and c.dates < 0.5 and c.index != roles.date]
    usable = [c for c in columns if c in numeric or not c.filled]
    debit = _strongest(usable, "debit")
    credit = _strongest([c for c in usable if c is not debit], "credit")
    pair = (debit.index, credit.index) if debit is not None and credit is not None else None
    named = [c for c in numeric if c.score("amount") >= 50 and c.fill >= 0.5 and c.score("balance") < 50]
    # In the account's currency before another; net before gross before the rest; a plain name before a vague one.
    single = max(
        (c for c in named if pair is None or c.index not in pair),
        key=lambda c: (
            bool(currency) and currency_in_header(c.header) == currency,
            c.score("amount") + 5 * _is_called_net(c),
            c.fill,
            -c.index,
        ),
        default=None,
    )
    if single is not None and (pair is None or single.negative):
        roles.amount = single.index
    elif pair is not None:
        roles.debit, roles.credit = pair
    elif not _by_sums(numeric, roles) and not _pair_by_content(columns, numeric, roles):
        # A column that is named as the amounts and holds none; another column's numbers are something else then.
        meant = (c for c in columns if c.filled and c.score("amount") == 100 and c.fill >= 0.5 and c.amounts < 0.8)
        roles.unreadable = next((c.index for c in meant), None)
        roles.amount = _amount_by_content(numeric, columns, roles) if roles.unreadable is None else None


def _by_sums(numeric: Sequence[Column], roles: Roles) -> bool:
    """Amounts and balance where the words of the header fail and the figures add up."""
    # Counts of rows and numbers of papers add up among themselves.
    money = [c for c in numeric if c.money_marks > 0.5 or not names_a_number(c.header)]
    found = columns_that_add_up([column.cells for column in money])
    if found is None:
        return False
    index = {place: column.index for place, column in enumerate(money)}
    roles.balance = index[found.balance]
    if found.amount is not None:
        roles.amount = index[found.amount]
    elif found.debit is not None and found.credit is not None:
        roles.debit, roles.credit = index[found.debit], index[found.credit]
    return True


def _strongest(columns: Sequence[Column], role: str) -> Column | None:
    scored = [c for c in columns if c.score(role) >= 50 and c.score("balance") < 50]
    return max(scored, key=lambda c: (c.score(role), c.fill, -c.index)) if scored else None


def _pair_by_content(columns: Sequence[Column], numeric: Sequence[Column], roles: Roles) -> bool:
    """Two adjacent columns of which each row fills exactly one, without signs: money out and money in.

    Banks disagree on the order, but people spend more often than they earn. With headings, both must hold something.
    """
    headed = any(column.header for column in columns)
    for left, right in pairwise(columns):
        if not (left in numeric or right in numeric):
            continue
        if any(c.filled and (c not in numeric or c.money_marks < 0.5 or c.negative) for c in (left, right)):
            continue
        if headed and not all(c.filled and not names_a_number(c.header) and not c.score("fee") for c in (left, right)):
            continue
        exactly_one = [bool(a) != bool(b) for a, b in zip(left.cells, right.cells, strict=True) if a or b]
        if not exactly_one or sum(exactly_one) < 0.95 * len(exactly_one):
            continue
        out, into = (left, right) if len(left.filled) >= len(right.filled) else (right, left)
        by_name = (_leans_out(left), _leans_out(right))
        if by_name[0] != by_name[1]:
            # One of the two is named in words that are known.
            roles.debit, roles.credit = (
                (left.index, right.index) if by_name[0] > by_name[1] else (right.index, left.index)
            )
            return True
        roles.debit, roles.credit = out.index, into.index
        roles.notes.append(
            _(
                "Column %(index)s is taken as money out and column %(index_2)s as money in, because "
                "more rows fill the former; swap them if that is wrong."
            )
            % {"index": out.index + 1, "index_2": into.index + 1}
        )
        return True
    return False


def _leans_out(column: Column) -> int:
    return column.score("debit") - column.score("credit")


def _amount_by_content(numeric: Sequence[Column], columns: Sequence[Column], roles: Roles) -> int | None:
    likely = [c for c in numeric if c.fill >= 0.5 and c.score("balance") < 50]
    headed = any(column.header for column in columns)
    if headed:
        # A heading that speaks of numbers or codes, above digits alone: of an order, a card, a reference.
        likely = [c for c in likely if c.money_marks > 0 or not names_a_number(c.header)]
    scored = [
        (c.money_marks + c.negative * 1.0 - (0.5 if headed and c.score("fee") else 0), -c.index, c) for c in likely
    ]
    if not scored:
        return None
    chosen = max(scored, key=lambda item: item[:2])[2]
    if headed and not chosen.score("amount") and sum(c.money_marks > 0.5 for c in likely) > 1:
        roles.notes.append(
            _(
                "The column “%(header)s” is taken as the amounts; its name does not say so. Choose "
                "another one under Columns if that is wrong."
            )
            % {"header": chosen.header or chosen.index + 1}
        )
    return chosen.index


def _find_balance(columns: Sequence[Column], roles: Roles) -> None:
    taken = {roles.amount, roles.debit, roles.credit, roles.date}
    numeric = [c for c in columns if c.filled and c.amounts >= 0.8 and c.dates < 0.5 and c.index not in taken]
    named = [c for c in numeric if c.score("balance") >= 50]
    if roles.balance is not None:
        pass
    elif named:
        roles.balance = max(named, key=lambda c: (c.score("balance"), c.fill)).index
    elif not any(column.header for column in columns):
        # Without a header, the reader drops the column if it does not run along with the amounts.
        candidates = [c for c in numeric if c.money_marks > 0.5 and c.fill > 0.5]
        roles.balance = candidates[-1].index if candidates else None
    fee = next((c for c in numeric if c.score("fee") >= 50 and c.index != roles.balance), None)
    roles.fee = fee.index if fee and roles.amount is not None and not _is_net(columns, roles.amount, fee) else None


def _is_called_net(column: Column) -> bool:
    return not _NET.isdisjoint(plain(column.header).split())


def _is_net(columns: Sequence[Column], amount: int, fee: Column) -> bool:
    """Whether the fee is off the amount already: by its name, or because another column less the fee is the amount."""
    if _is_called_net(columns[amount]):
        return True
    charged = [i for i, cell in enumerate(fee.cells) if any(digit in cell for digit in "123456789")]

    def values(column: Column) -> list[Decimal | None]:
        cells = [column.cells[i] for i in charged]
        mark = infer_decimal_mark(cell.core for text in column.filled if (cell := take_apart(text)) is not None)
        return [signed_value(cell, mark) for cell in cells]

    net, fees = values(columns[amount]), values(fee)
    for column in columns:
        if column.index in (amount, fee.index) or column.amounts < 0.8:
            continue
        gross = values(column)
        parts = list(zip(gross, fees, net, strict=True))
        if charged and all(a is not None and b is not None and a - abs(b) == c for a, b, c in parts):
            return True
    return False


def _find_marks(columns: Sequence[Column], roles: Roles) -> None:
    """Direction, currency, state, id and account: columns of codes."""
    flags = [c for c in columns if c.filled and c.share(direction_of) >= 0.9 and c.amounts < 0.5]
    # Words such as "payment" stand for out only where their column also says in, or is named as a direction.
    sure = [c for c in flags if c.score("flag") or len({direction_of(cell) for cell in c.filled}) == 2 or not c.header]
    roles.flag = max(sure, key=lambda c: (c.score("flag"), c.fill)).index if sure else None
    known = known_currencies()
    coded = [
        c for c in columns if c.filled and c.share(lambda cell: currency_code(cell) in known) >= 0.9 and c.fill >= 0.5
    ]
    # That of the purchase abroad is not the account's.
    coded = [c for c in coded if c.score("currency") > 10 or not c.header]
    anchor = roles.amount if roles.amount is not None else roles.debit or 0

    def distance(index: int) -> float:
        """Banks put the currency right after the amount."""
        return index - anchor if index > anchor else anchor - index + 0.5

    coded.sort(key=lambda c: (-c.score("currency"), distance(c.index)))
    roles.currency = coded[0].index if coded else None
    telling = [c for c in columns if c.filled and any(is_pending(cell) or is_void(cell) for cell in c.filled)]
    named = [c for c in columns if c.filled and c.score("status") and c.dates < 0.5 and c.amounts < 0.5]
    by_content = [c for c in telling if c.letters > 0.8 and c.length < 30 and len(set(c.filled)) <= 8]
    roles.status = next((c.index for c in telling if c in named), next((c.index for c in [*named, *by_content]), None))

    def is_unique(column: Column) -> bool:
        """Nearly all different, and not merely a count of the rows."""
        repeated = sum(count for count in Counter(column.filled).values() if count > 1)
        return repeated <= 0.02 * len(column.filled) and column.length >= 4

    ids = [c for c in columns if c.score("bank_id") >= 60 and c.fill >= 0.95 and is_unique(c)]
    roles.bank_id = max(ids, key=lambda c: (c.score("bank_id"), -c.index)).index if ids else None


def _find_accounts(columns: Sequence[Column], roles: Roles, known: frozenset[str]) -> None:
    """One's own account: the same in every row, or known to the book. Other account numbers are the other side's."""
    taken = {roles.date, roles.value_date, roles.amount, roles.debit, roles.credit, roles.balance, roles.bank_id}
    free = [c for c in columns if c.filled and c.index not in taken and c.dates < 0.5]
    accounts = [c for c in free if c.score("account") and c.fill >= 0.95 and _is_own_account(c, known)]
    own = max(accounts, key=lambda c: (c.score("account"), _all_known(c, known), -c.index), default=None)
    roles.account = own.index if own is not None else None
    doubtful = (c for c in free if c is not own and c.score("account") >= max(50, c.score("counterparty_account")))
    for column in doubtful:
        # The heading does not say whose they are, and several rows share one: they might be the household's own.
        values = set(column.filled)
        if 1 < len(values) <= min(10, len(column.filled) - 1) and all(_digits(value) >= 8 for value in values):
            roles.notes.append(
                _(
                    "The numbers in the column “%(name)s” are taken for those of other people, not of your accounts. "
                    "Choose it as your own account under Columns if that is wrong."
                )
                % {"name": column.header}
            )
    others = [c for c in free if c is not own and _is_other_account(c)]
    other = max(others, key=lambda c: (c.score("counterparty_account"), c.fill, -c.index), default=None)
    roles.counterparty_account = other.index if other is not None else None
    banks = [c for c in free if c not in (own, other) and c.score("counterparty_bank") and c.length <= 16]
    # One's own bank is the same in every row.
    bank = max(banks, key=lambda c: (len(set(c.filled)) > 1, c.score("counterparty_bank"), -c.index), default=None)
    roles.counterparty_bank = bank.index if bank is not None else None


def _is_other_account(column: Column) -> bool:
    """By its heading; without one, only an IBAN is surely an account."""
    if column.score("counterparty_account"):
        return column.share(lambda cell: _digits(cell) >= 4) >= 0.5
    ibans = column.share(lambda cell: cell[:2].isalpha() and looks_like_account(cell))
    return not column.header and len(set(column.filled)) > 1 and ibans >= 0.8


def _digits(text: str) -> int:
    return sum(character.isdigit() for character in text)


def _all_known(column: Column, known: frozenset[str]) -> bool:
    return all(bare_number(value) in known for value in set(column.filled))


def _is_own_account(column: Column, known: frozenset[str]) -> bool:
    """Whether the column says to which of the household's accounts a row belongs, by number or by its own name."""
    values = set(column.filled)
    if not 1 <= len(values) <= 10:
        return False
    score = column.score("account")
    if _all_known(column, known):
        return True
    if score == 60:
        return all(len(value) <= 40 for value in values)
    if len(values) == 1 and len(column.filled) > 1 and score >= 50:
        return all(_digits(value) >= 4 and len(value) <= 40 for value in values)
    # Several numbers under a heading that does not say whose they are: those of the people who were paid.
    if len(values) > 1 and (score == 50 or len(values) > len(column.filled) / 2):
        return False
    return all(_digits(value) >= 8 and len(value) <= 40 for value in values)


def _find_texts(columns: Sequence[Column], roles: Roles) -> None:
    taken = {
        *(roles.date, roles.value_date, roles.time, roles.amount, roles.debit, roles.credit, roles.flag),
        *(roles.balance, roles.currency, roles.status, roles.bank_id, roles.account, roles.fee),
        *(roles.counterparty_account, roles.counterparty_bank),
    }
    free = [c for c in columns if c.index not in taken and c.dates < 0.5]
    payees = [c for c in free if c.score("payee") >= 100 and c.letters > 0.3 and _names_people(c)]
    if not payees:
        # A column just called "name": the account holder's where it stays the same beside an empty column of payees.
        named = [c for c in free if c.score("payee") >= 50 and c.letters > 0.3][:1]
        has_empty = any(c.score("payee") >= 100 and not c.filled for c in columns)
        payees = [c for c in named if (not has_empty or len(set(c.filled)) > 1) and _names_people(c)]
    # An e-mail address stands in where there is no name.
    payees.sort(key=lambda c: c.share(lambda cell: "@" in cell) > 0.5)
    roles.payees = tuple(c.index for c in payees[:3])
    rest = [c for c in free if c not in payees[:3] and c.filled]
    strong = [c for c in rest if c.score("description") >= 60]
    weak = [c for c in rest if c.score("description") > 0]
    chosen = strong or weak
    if not chosen:
        texts = [c for c in rest if c.letters > 0.5 and not c.score("account") and not c.score("counterparty_account")]
        # Beside a payee only what differs from row to row: a category says the same again and again.
        telling = [c for c in texts if 2 * len(set(c.filled)) > len(c.filled)] if payees else texts
        unnamed = [c for c in texts if not c.header] or telling
        chosen = sorted(unnamed, key=lambda c: -c.length)[:1]
    roles.descriptions = tuple(c.index for c in chosen[:6])


def _names_people(column: Column) -> bool:
    """Whether the words of the column tell people and shops apart: not "Verified", not the account's holder in each row."""
    if column.share(is_settled) > 0.5:
        return False
    return len(set(column.filled)) > 1 or len(column.filled) < 3


def is_balance_line(cells: Sequence[str]) -> str:
    """ "opening", "closing", "turnover" or "": what a line states instead of a movement."""
    return next((kind for cell in cells if cell.strip() and (kind := balance_kind(cell))), "")
