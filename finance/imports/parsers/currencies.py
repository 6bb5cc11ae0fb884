"""Former codes of currencies that changed their code and not their unit.

Source: ISO 4217, list three (historic denominations), those with one successor at par. A currency that was replaced at a
rate (DEM, TRL, BYR) is another one: a file in it is refused for an account in the new one.
"""

import dataclasses

from core.texts import gettext as _
from finance.imports.parsers.statement import ParsedFile

# RUR stands for the new rouble in every file since 1998; banks never stopped writing it.
_RENAMED = {
    "RUR": "RUB",
    "ANG": "XCG",
    "YUM": "RSD",
    "CSD": "RSD",
    "XEU": "EUR",
    "USS": "USD",
    "BUK": "MMK",
}


def in_currency_of_account(parsed: ParsedFile, *, currency: str) -> ParsedFile:
    """The file with former codes of the account's currency replaced by its own, and a note that says so."""
    former = {code for code, successor in _RENAMED.items() if successor == currency}
    found = {statement.currency for statement in parsed.statements} & former
    if not found:
        return parsed
    statements = tuple(
        dataclasses.replace(
            statement,
            currency=currency if statement.currency in former else statement.currency,
            rows=tuple(
                dataclasses.replace(row, currency=currency) if row.currency in former else row for row in statement.rows
            ),
        )
        for statement in parsed.statements
    )
    note = _("%(names)s is a former code of %(currency)s; the amounts are the same.") % {
        "names": _(" and ").join(sorted(found)),
        "currency": currency,
    }
    return dataclasses.replace(parsed, statements=statements, notes=(*parsed.notes, note))
