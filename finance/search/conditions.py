"""A term of a query as SQL: what must hold for an entry, and where the entries for which it holds are quickly found.

Statements see an entry as `entry`; `%(name)s` are parameters. Every version of an entry has its tags and receipts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from finance import money
from finance.ledger.models import Account, AccountType, Book
from finance.ledger.registers import like_pattern
from finance.ledger.revisions import versions_sql
from finance.ledger.selectors import accounts_of, paths_of
from finance.replica import reading
from finance.search.query import Term
from finance.tags.models import Tag

# As the indexes are made (migration 0011): the planner knows them by exactly these expressions.
_ENTRY_TEXT = "entry.payee || ' ' || entry.description"
ENTRY_WORDS = f"finance_search_words(entry.book_id, {_ENTRY_TEXT})"
MEMO_WORDS = "finance_search_words(line.book_id, line.memo)"
# Taking a text apart into words takes ten times as long as seeing that its letters are not there. In a text of ASCII
# alone a word stands as it is, but for its capitals.
_LETTERS = """(octet_length({text}) <> char_length({text}) OR lower(({text}) COLLATE "C") LIKE ALL(%({name}_letters)s::text[]))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """`holds` is a condition on `entry`; `found` selects ids of entries, by index, among them all that count.

    An entry for which it holds has `words` (a tsquery) in the index of its words, or is selected by one of `elsewhere`.
    `counted` is the part of `found` whose size PostgreSQL's statistics know; None: all of it.
    """

    holds: str
    found: str | None = None
    words: str | None = None
    elsewhere: tuple[str, ...] = ()
    counted: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a book has that terms name: accounts by their paths, and tags."""

    book: Book
    accounts: list[Account]
    paths: dict[int, str]
    tags: list[Tag]
    words: dict[Term, str | None]  # the query for an index of words; None for a term without any
    letters: dict[Term, list[str]]  # patterns that a text of ASCII with these words fits

    def accounts_named(self, text: str, *, only_categories: bool = False) -> list[int]:
        """Accounts whose path has all the words, at their beginnings; so its group finds it, too."""
        words = text.casefold().replace("›", " ").replace(":", " ").split()
        kinds = (AccountType.INCOME, AccountType.EXPENSE) if only_categories else tuple(AccountType)
        return [
            account.pk
            for account in self.accounts
            if account.type in kinds and words and _begins(self.paths[account.pk], words)
        ]

    def tags_named(self, text: str) -> list[int]:
        words = text.casefold().split()
        return [tag.pk for tag in self.tags if words and _begins(tag.name, words)]


def _begins(name: str, words: list[str]) -> bool:
    parts = name.casefold().replace(":", " ").replace("-", " ").split()
    return all(any(part.startswith(word) for part in parts) or word in name.casefold().split(":") for word in words)


def world_of(*, book: Book, terms: Sequence[Term]) -> World:
    """Accounts and tags of the book, and the terms' words as the indexes know them, in three queries."""
    accounts = accounts_of(book=book)
    said = [term for term in terms if term.field in ("any", "payee", "note")]
    words: dict[Term, str | None] = {}
    letters: dict[Term, list[str]] = {}
    if said:
        # Once, and not for every row that is looked at.
        with reading().cursor() as cursor:
            cursor.execute(
                "SELECT finance_search_query(%(book)s, said, phrase)::text,"
                " tsvector_to_array(ts_delete(finance_search_words(%(book)s, said), %(mark)s))"
                " FROM unnest(%(said)s::text[], %(phrases)s::boolean[]) WITH ORDINALITY AS term (said, phrase, place)"
                " ORDER BY place",
                {
                    "book": book.pk, "mark": f"lifeosbook{book.pk}", "said": [term.text for term in said],
                    "phrases": [term.phrase for term in said],
                },
            )  # fmt: skip
            for term, (query, lexemes) in zip(said, cursor.fetchall(), strict=True):
                words[term] = query
                letters[term] = [like_pattern(lexeme) for lexeme in lexemes if lexeme.isascii()]
    return World(
        book=book, accounts=accounts, paths=paths_of(accounts), tags=list(Tag.objects.filter(book=book)), words=words,
        letters=letters,
    )  # fmt: skip


_TAGGED = versions_sql("SELECT link.entry_id FROM finance_entrytag AS link WHERE link.book_id = %(book)s AND {which}")
_ATTACHED = versions_sql(
    "SELECT file.entry_id FROM finance_attachment AS file"
    " WHERE file.book_id = %(book)s AND file.removed_at IS NULL AND {which}"
)
_ON_ACCOUNTS = "SELECT line.entry_id FROM finance_journalline AS line WHERE line.account_id = ANY(%({name})s::bigint[])"
_OF_LINES = "EXISTS (SELECT FROM finance_journalline AS line WHERE line.entry_id = entry.id AND ({which}))"


def condition_of(term: Term, *, name: str, world: World) -> Condition:
    """The condition of a term; its parameters begin with `name`."""
    made = _MAKERS[term.field](term, name, world)
    if not term.negated:
        return made
    return Condition(holds=f"NOT coalesce({made.holds}, false)", parameters=made.parameters)


def together(conditions: Sequence[Condition]) -> Condition | None:
    """Candidates for all terms about words at once, where there are several: words that are frequent may meet seldom.

    They are the entries with all the words, and those that one of the terms finds elsewhere.
    """
    said = [condition for condition in conditions if condition.words]
    if len(said) < 2:
        return None
    words = " && ".join(condition.words for condition in said if condition.words)
    ways = [f"SELECT entry.id FROM finance_journalentry AS entry WHERE {ENTRY_WORDS} @@ ({words})"]
    ways += [way for condition in said for way in condition.elsewhere]
    return Condition(holds="true", found=" UNION ALL ".join(ways))


def _words(term: Term, name: str, world: World) -> Condition:
    """Words of the entry, of a line's memo, of a category or an account, of a tag, or of a receipt's name; an amount."""
    query = f"%({name}_words)s::tsquery"
    parameters = _said(term, name, world)
    entry = f"{ENTRY_WORDS} @@ {query}"
    memo = f"line.memo <> '' AND {MEMO_WORDS} @@ {query}"
    of_lines = [_quickly(memo, "line.memo", name)]
    ways = [
        f"SELECT entry.id FROM finance_journalentry AS entry WHERE {entry}",
        f"SELECT line.entry_id FROM finance_journalline AS line WHERE {memo}",
    ]
    accounts = world.accounts_named(term.text)
    if accounts:
        parameters[f"{name}_accounts"] = accounts
        of_lines.append(f"line.account_id = ANY(%({name}_accounts)s::bigint[])")
        ways.append(_ON_ACCOUNTS.format(name=f"{name}_accounts"))
    holds = [_quickly(entry, _ENTRY_TEXT, name)]
    parameters[f"{name}_like"] = "%" + term.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    hung = [_ATTACHED.format(which=f"file.file_name ILIKE %({name}_like)s")]
    tags = world.tags_named(term.text)
    if tags:
        parameters[f"{name}_tags"] = tags
        hung.append(_TAGGED.format(which=f"link.tag_id = ANY(%({name}_tags)s::bigint[])"))
    for each in hung:
        holds.append(f"entry.id IN ({each})")
        ways.append(f"({each})")
    if term.amounts:
        amount, amounts = _amounts(term.amounts, name, world)
        if amount:
            of_lines.append(amount)
            parameters.update(amounts)
            ways.append(_by_size(amount, name))
    holds.append(_OF_LINES.format(which=" OR ".join(f"({each})" for each in of_lines)))
    return Condition(
        holds=f"({' OR '.join(holds)})", found=" UNION ALL ".join(ways), words=query, elsewhere=tuple(ways[1:]),
        parameters=parameters,
    )  # fmt: skip


def _payee(term: Term, name: str, world: World) -> Condition:
    return _of_header(term, name, world, "entry.payee")


def _note(term: Term, name: str, world: World) -> Condition:
    header = _of_header(term, name, world, "entry.description")
    query = f"%({name}_words)s::tsquery"
    memo = f"line.memo <> '' AND {MEMO_WORDS} @@ {query}"
    in_memo = f"SELECT line.entry_id FROM finance_journalline AS line WHERE {memo}"
    return Condition(
        holds=f"({header.holds} OR {_OF_LINES.format(which=_quickly(memo, 'line.memo', name))})",
        found=f"{header.found} UNION ALL {in_memo}",
        words=query,
        elsewhere=(in_memo,),
        counted=f"{header.counted} UNION ALL {in_memo}",
        parameters=header.parameters,
    )


def _of_header(term: Term, name: str, world: World, column: str) -> Condition:
    """The index has both columns in one, so it finds candidates, and the column decides."""
    query = f"%({name}_words)s::tsquery"
    holds = f"finance_search_words(entry.book_id, {column}) @@ {query}"
    indexed = f"SELECT entry.id FROM finance_journalentry AS entry WHERE {ENTRY_WORDS} @@ {query}"
    return Condition(
        holds=_quickly(holds, column, name),
        found=f"{indexed} AND {holds}",
        words=query,
        counted=indexed,
        parameters=_said(term, name, world),
    )


def _said(term: Term, name: str, world: World) -> dict[str, Any]:
    return {f"{name}_words": world.words[term], f"{name}_letters": world.letters[term]}


def _quickly(holds: str, text: str, name: str) -> str:
    """The same condition on words of a text, but most texts without them are passed over by their letters."""
    return f"({_LETTERS.format(text=text, name=name)} AND {holds})"


def _account(term: Term, name: str, world: World) -> Condition:
    accounts = world.accounts_named(term.text, only_categories=term.field == "category")
    return Condition(
        holds=_OF_LINES.format(which=f"line.account_id = ANY(%({name})s::bigint[])"),
        found=_ON_ACCOUNTS.format(name=name),
        parameters={name: accounts},
    )


def _tag(term: Term, name: str, world: World) -> Condition:
    """In quotation marks a tag's whole name, else the beginnings of its words."""
    whole = [tag.pk for tag in world.tags if tag.name.casefold() == term.text.casefold()]
    hung = _TAGGED.format(which=f"link.tag_id = ANY(%({name})s::bigint[])")
    return Condition(
        holds=f"entry.id IN ({hung})",
        found=hung,
        parameters={name: whole if term.phrase else world.tags_named(term.text)},
    )


def _has(term: Term, name: str, world: World) -> Condition:
    if term.text == "note":
        return Condition(holds="(entry.description <> '' AND entry.payee <> '')")
    hung = (_TAGGED if term.text == "tag" else _ATTACHED).format(which="true")
    return Condition(holds=f"entry.id IN ({hung})", found=hung)


def _date(term: Term, name: str, world: World) -> Condition:
    bounds = [("first", ">=", term.first), ("last", "<=", term.last)]
    parts = [f"entry.date {sign} %({name}_{which})s::date" for which, sign, day in bounds if day is not None]
    holds = " AND ".join(parts)
    return Condition(
        holds=f"({holds})",
        found=f"SELECT entry.id FROM finance_journalentry AS entry WHERE entry.book_id = %(book)s AND {holds}",
        parameters={f"{name}_{which}": day for which, _sign, day in bounds if day is not None},
    )


def _amount(term: Term, name: str, world: World) -> Condition:
    """A line of this size, in the currency of its account: so the foreign side of an exchange is found as well."""
    if term.amounts:
        which, parameters = _amounts(term.amounts, name, world)
        if not which:
            return Condition(holds="false", found="SELECT NULL::bigint WHERE false")
        return Condition(holds=_OF_LINES.format(which=which), found=_by_size(which, name), parameters=parameters)
    parts: list[str] = []
    bounds: dict[str, Any] = {}
    for number, currency in enumerate(_currencies(world)):
        unit = Decimal(10) ** money.exponent(currency)
        bounds[f"{name}_currency{number}"] = currency
        sides = [f"line.currency = %({name}_currency{number})s"]
        for side, sign, bound in (("low", ">", term.low), ("high", "<", term.high)):
            if bound is not None:
                sides.append(
                    f"abs(line.amount) {sign}{'' if term.exclusive else '='} %({name}_{side}{number})s::numeric"
                )
                bounds[f"{name}_{side}{number}"] = bound * unit
        parts.append(f"({' AND '.join(sides)})")
    return Condition(holds=_OF_LINES.format(which=" OR ".join(parts)), parameters=bounds)


def _amounts(amounts: tuple[Decimal, ...], name: str, world: World) -> tuple[str, dict[str, Any]]:
    """Lines of one of these sizes; "" where no currency of the book has such an amount."""
    currencies, sizes = [], []
    for currency in _currencies(world):
        for amount in amounts:
            minor = amount.scaleb(money.exponent(currency))
            if minor == minor.to_integral_value() and 0 < minor <= money.MAX_MINOR_UNITS:
                currencies.append(currency)
                sizes.append(int(minor))
    if not sizes:
        return "", {}
    pairs = f"SELECT * FROM unnest(%({name}_currencies)s::text[], %({name}_sizes)s::bigint[])"
    which = (
        f"line.book_id = %(book)s AND abs(line.amount) = ANY(%({name}_sizes)s::bigint[])"
        f" AND (line.currency, abs(line.amount)) IN ({pairs})"
    )
    return which, {f"{name}_currencies": currencies, f"{name}_sizes": sizes}


def _by_size(which: str, name: str) -> str:
    return f"SELECT line.entry_id FROM finance_journalline AS line WHERE {which}"


def _currencies(world: World) -> list[str]:
    return sorted({account.currency for account in world.accounts})


_MAKERS: dict[str, Callable[[Term, str, World], Condition]] = {
    "any": _words,
    "payee": _payee,
    "note": _note,
    "category": _account,
    "account": _account,
    "tag": _tag,
    "has": _has,
    "date": _date,
    "amount": _amount,
}
