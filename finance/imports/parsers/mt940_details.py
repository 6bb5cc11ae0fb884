"""What banks write into field 86 (and NS) of MT940: payee and text out of the dialects.

Sources: the German banks' appendix to the DFÜ agreement (subfields ?00 to ?63 and SEPA words such as SVWZ+), the format
descriptions of ABN AMRO, ING and Rabobank (words between slashes), those of mBank and PKO (OD:, TYT.:; ^20, ~20).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_SUBFIELDS = re.compile(r"\d{0,3} ?([?<~^@|])\d\d")
_SEPA_WORD = re.compile(r"(EREF|KREF|MREF|CRED|DEBT|COAM|OAMT|SVWZ|ABWA|ABWE|IBAN|BIC)\+")
_SLASH_WORD = re.compile(
    r"/(TRTP|TRCD|IBAN|BIC|NAME|REMI|EREF|PREF|MARF|CSID|ORDP|BENM|CNTP|RTRN|ACCW|ADDR|ISDT|ULTC|ULTD|ULTB|PURP|BO|BA|ID)/"
)
_POLISH_WORD = re.compile(r"(?:^|;) {0,3}(OD|DLA|NA RZECZ|TYT\.?|TYTUŁEM|Z RACH\.?|NA RACH\.?|TNR|ID IPH) ?: ?")
_NS_LINE = re.compile(r"(\d\d)(.*)")
# German banks cut texts after 27 characters, wherever that is.
_CUT_AFTER = 27
_PURPOSE = ("20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "60", "61", "62", "63")


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """Who (with account and bank), what for, and the bank's word for the kind of booking; each "" when it is not said."""

    payee: str = ""
    text: str = ""
    kind: str = ""
    reference: str = ""
    account: str = ""
    bank: str = ""
    original: str = ""  # another currency's amount, as the bank writes it


def read_details(lines: Sequence[str]) -> Details:
    """Field 86, by the dialect that it is written in; plain text stays as it is."""
    joined = "".join(lines).strip()
    if match := _SUBFIELDS.match(joined):
        return _from_subfields(joined, match[1])
    words = _words(joined, _SLASH_WORD) if joined.startswith("/") else {}
    if words.keys() & {"NAME", "REMI", "CNTP", "TRTP", "EREF"}:
        text = words.get("REMI", "")
        for mark in ("USTD//", "STRD/CUR/", "USTD/", "STRD/"):
            text = text.removeprefix(mark)
        # /CNTP/account/bank/name/place/
        parts = words.get("CNTP", "").split("/")
        payee = words.get("NAME") or (parts[2] if len(parts) > 2 else "")
        return Details(
            payee=payee.strip("/ "),
            text=" ".join(text.strip("/ ").split()),
            kind=words.get("TRTP", "").strip("/ "),
            reference=_given(words.get("EREF", "").strip("/ ")),
            account=_given((words.get("IBAN") or parts[0]).strip("/ ")),
            bank=_given((words.get("BIC") or (parts[1] if len(parts) > 1 else "")).strip("/ ")),
        )
    # A line is cut at 65 characters; where a word ends there, the blank behind it was lost.
    plain = _one_line(lines)
    words = _words(plain, _POLISH_WORD)
    if words.keys() & {"TYT", "TYTUŁEM"}:
        payee = words.get("OD") or words.get("DLA") or words.get("NA RZECZ", "")
        return Details(payee=payee.strip("; "), text=(words.get("TYT") or words.get("TYTUŁEM", "")).strip("; "))
    return Details(text=plain)


def read_non_swift(lines: Sequence[str]) -> Details:
    """Field NS below a row, as Hungarian banks write it: 15 and 16 the other party, 09 the text."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if match := _NS_LINE.match(line.strip()):
            found.setdefault(match[1], []).append(match[2].strip())
    parties = [*found.get("15", []), *found.get("16", [])]
    return Details(payee=_one_line(parties), text=_one_line(found.get("09", [])))


def _one_line(pieces: Sequence[str]) -> str:
    return " ".join(" ".join(pieces).split())


def _words(text: str, pattern: re.Pattern[str]) -> dict[str, str]:
    """What follows each word until the next one; the first of equal words counts."""
    marks = list(pattern.finditer(text))
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    found: dict[str, str] = {}
    for mark, end in zip(marks, ends, strict=False):
        found.setdefault(mark[1].rstrip("."), text[mark.end() : end].strip())
    return found


def _from_subfields(text: str, separator: str) -> Details:
    fields: dict[str, str] = {}
    _code, *parts = text.split(separator)
    for part in parts:
        if part[:2].isdigit() and len(part) >= 2:
            fields.setdefault(part[:2], part[2:])
        elif fields:
            # A question mark of the text itself.
            last = next(reversed(fields))
            fields[last] += separator + part
    names = [fields.get("32", ""), fields.get("33", "")]
    purpose = [fields[code] for code in _PURPOSE if fields.get(code)]
    if separator != "?" and not any(names):
        # Polish banks: 20 to 26 hold the title, 27 to 29 the other party.
        names = [fields.get(code, "") for code in ("27", "28", "29")]
        purpose = [fields[code] for code in _PURPOSE if code < "27" and fields.get(code)]
    whole = _glued(purpose)
    words = _words(whole, _SEPA_WORD)
    first = _SEPA_WORD.search(whole)
    text = words.get("SVWZ") or (whole[: first.start()].strip() if first else whole)
    return Details(
        payee=_given(words.get("ABWA", "")) or _given(words.get("ABWE", "")) or _glued(names),
        text=" ".join(text.split()),
        kind=fields.get("00", "").strip(),
        reference=_given(words.get("EREF", "")),
        account=_given(words.get("IBAN", "") or fields.get("31", "")),
        bank=_given(words.get("BIC", "") or fields.get("30", "")),
        original=words.get("OAMT", "")[:40],
    )


def _glued(pieces: Sequence[str]) -> str:
    """Pieces in one line: without a blank where the bank cut a full line, with one elsewhere."""
    text, length = "", 0
    for piece in pieces:
        begins = _SEPA_WORD.match(piece) is not None
        text += (" " if text and (begins or length < _CUT_AFTER) else "") + piece
        length = len(piece)
    return " ".join(text.split())


def _given(text: str) -> str:
    return "" if text.strip().upper() in ("", "NOTPROVIDED", "NONREF") else text.strip()
