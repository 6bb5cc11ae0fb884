"""Entries (Ntry) of CAMT statements → rows. Names of elements: ISO 20022, camt.052/053/054.001.02 to .12."""

import dataclasses
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element

from core.texts import gettext as _
from core.texts import gettext_noop
from finance.imports.parsers.limits import is_believable, iso_day, no_such_day
from finance.imports.parsers.statement import ParsedRow, RowState
from finance.imports.parsers.xml_tree import find, text_at
from finance.money import known_currencies

# ISO 20022 writes a point, no sign and no grouping.
_AMOUNT = re.compile(r"\d{1,18}(?:\.\d{0,18})?")
_NO_ID = {"NOTPROVIDED", "NOT PROVIDED", "NONREF", "NOTAVAILABLE"}
_STATES = {
    "PDNG": gettext_noop("The bank lists this row as pending: it is not booked yet."),
    "FUTR": gettext_noop("The bank lists this row for a later day: it is not booked yet."),
}
_TRUE = {"true", "1"}
REVERSAL = gettext_noop("The bank marks this row as the reversal of an earlier one.")
_LONGEST_NOTE = 200


def amount_of(element: Element | None) -> tuple[Decimal | None, str]:
    """The amount, without its direction, and its currency. None for a text that is no amount."""
    text = (element.text or "").strip() if element is not None else ""
    currency = (element.get("Ccy") or "").upper() if element is not None else ""
    value = Decimal(text) if _AMOUNT.fullmatch(text) else None
    return value if value is not None and is_believable(value) else None, currency


def signed(value: Decimal | None, direction: str) -> Decimal | None:
    """Money out (DBIT) is negative; None when the direction (CdtDbtInd) is not said."""
    if value is None or direction not in ("CRDT", "DBIT"):
        return None
    return value if direction == "CRDT" else -value


def rows_of(entry: Element, *, owner: str) -> Iterator[ParsedRow]:
    """The rows of an entry: one, or one for each payment of a batch where their amounts add up to the entry's.

    `owner` is the name of the account's holder, who is nobody's payee. Numbers are given by the caller (0 here).
    """
    details = entry.findall("NtryDtls/TxDtls")
    whole = _whole(entry, details[0] if len(details) == 1 else None, owner)
    parts = [_part_amount(entry, each) for each in details]
    if len(details) > 1 and whole.amount is not None and not whole.problem:
        known = [part for part in parts if part is not None]
        if len(known) == len(parts) and sum(known) == whole.amount:
            for place, (detail, part) in enumerate(zip(details, known, strict=True), 1):
                yield _part(entry, detail, owner, dataclasses.replace(whole, amount=part), place)
            return
        told = _("The bank booked %(count)s payments as one amount; their own amounts do not add up to it.") % {
            "count": len(details)
        }
        names = dict.fromkeys(filter(None, (_party(entry, detail, owner) for detail in details)))
        whole = dataclasses.replace(whole, payee=whole.payee or ", ".join(names)[:200], note=whole.note or told)
    yield whole


def _whole(entry: Element, detail: Element | None, owner: str) -> ParsedRow:
    value, currency = amount_of(entry.find("Amt"))
    amount = signed(value, text_at(entry, "CdtDbtInd"))
    raw_date = text_at(entry, "BookgDt/Dt", "BookgDt/DtTm")
    raw_value_date = text_at(entry, "ValDt/Dt", "ValDt/DtTm")
    day = iso_day(raw_date or raw_value_date)
    problems = []
    if day is None:
        text = raw_date or raw_value_date
        problems.append(no_such_day(text[:40]) if text else _("The entry has no date."))
    if value is None:
        text = text_at(entry, "Amt")
        problems.append(
            _("“%(text)s” is not an amount.") % {"text": text[:40]} if text else _("The entry has no amount.")
        )
    elif amount is None:
        problems.append(_("The entry does not say whether money came in or went out (CdtDbtInd)."))
    if currency and currency not in known_currencies():
        problems.append(_("“%(currency)s” is not a currency.") % {"currency": currency[:10]})
    state, note = _state(entry, amount)
    payee, description = _texts(entry, detail, owner)
    notes = [note, *_notes(entry, detail, currency)]
    if state is RowState.BOOKED and not raw_date and raw_value_date:
        notes.append(_("The entry has no booking date; the value date is used."))
    return ParsedRow(
        number=0,
        date=day,
        amount=None if problems and amount is None else amount,
        payee=payee[:200],
        description=description[:500],
        # The servicer's reference of the entry, then of the payment, then the entry's own, then the payer's.
        bank_id=_first_id(
            text_at(entry, "AcctSvcrRef"),
            text_at(detail, "Refs/AcctSvcrRef"),
            text_at(entry, "NtryRef"),
            text_at(detail, "Refs/TxId"),
            text_at(detail, "Refs/EndToEndId"),
        )[:120],
        currency=currency if currency in known_currencies() else "",
        **_other_side(entry, detail),
        raw_date=(raw_date or raw_value_date)[:64],
        state=state,
        problem=" ".join(problems),
        note=" ".join(filter(None, notes))[:_LONGEST_NOTE],
    )


def _part(entry: Element, detail: Element, owner: str, whole: ParsedRow, place: int) -> ParsedRow:
    payee, description = _texts(entry, detail, owner)
    own = _first_id(
        text_at(detail, "Refs/AcctSvcrRef"), text_at(detail, "Refs/TxId"), text_at(detail, "Refs/EndToEndId")
    )
    # Two payments of a batch may bear one reference, so the place in the batch belongs to the id.
    ids = [_first_id(text_at(entry, "AcctSvcrRef"), text_at(entry, "NtryRef")), own]
    state, note = _state(entry, whole.amount)
    notes = [note, *_notes(entry, detail, whole.currency)]
    return dataclasses.replace(
        whole,
        payee=payee[:200],
        description=description[:500],
        bank_id=f"{'/'.join(filter(None, ids))[:112]}/{place}" if any(ids) else "",
        **_other_side(entry, detail),
        state=state,
        note=" ".join(filter(None, notes))[:_LONGEST_NOTE],
    )


def _other_side(entry: Element, detail: Element | None) -> dict[str, Any]:
    """Account and bank of the one who paid (money in) or was paid (money out)."""
    side = "Dbtr" if text_at(entry, "CdtDbtInd") == "CRDT" else "Cdtr"
    account, bank = f"RltdPties/{side}Acct/Id", f"RltdAgts/{side}Agt/FinInstnId"
    return {
        "counterparty_account": text_at(detail, f"{account}/IBAN", f"{account}/Othr/Id")[:64],
        "counterparty_bank": text_at(detail, f"{bank}/BICFI", f"{bank}/BIC", f"{bank}/ClrSysMmbId/MmbId")[:64],
    }


def _part_amount(entry: Element, detail: Element) -> Decimal | None:
    """The amount of one payment of a batch, in the entry's currency."""
    _value, currency = amount_of(entry.find("Amt"))
    direction = text_at(detail, "CdtDbtInd") or text_at(entry, "CdtDbtInd")
    for path in ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt"):
        value, own = amount_of(find(detail, path))
        if value is not None and own in ("", currency):
            return signed(value, direction)
    return None


def _state(entry: Element, amount: Decimal | None) -> tuple[RowState, str]:
    status = text_at(entry, "Sts/Cd", "Sts/Prtry", "Sts").upper()
    if status in _STATES:
        return RowState.PENDING, _(_STATES[status])
    if status == "INFO":
        return RowState.VOID, _("The bank lists this row for information only: no money moved.")
    if amount == 0:
        return RowState.VOID, _("The amount is zero: no money moved.")
    return RowState.BOOKED, ""


def _first_id(*ids: str) -> str:
    return next((each for each in ids if each and each.upper() not in _NO_ID), "")


def _texts(entry: Element, detail: Element | None, owner: str) -> tuple[str, str]:
    """Payee and description; what the bank writes about the entry serves where the payment says nothing."""
    info = text_at(entry, "AddtlNtryInf")
    pieces: list[str] = []
    if detail is not None:
        wanted = ["RmtInf/Ustrd", "RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Strd/RfrdDocInf/Nb", "RmtInf/Strd/AddtlRmtInf"]
        found = (" ".join((each.text or "").split()) for path in wanted for each in detail.findall(path))
        pieces = list(dict.fromkeys(filter(None, found)))
    description = " ".join(pieces) or text_at(detail, "AddtlTxInf") or info
    payee = _party(entry, detail, owner) or info or description
    return payee, "" if description == payee else description


def _party(entry: Element, detail: Element | None, owner: str) -> str:
    """Who paid or was paid: the ultimate party before the one whose account was used, and never the owner."""
    parties = detail.find("RltdPties") if detail is not None else None
    if parties is None:
        return ""
    payers, payees = ("UltmtDbtr", "Dbtr"), ("UltmtCdtr", "Cdtr")
    came_in = (text_at(detail, "CdtDbtInd") or text_at(entry, "CdtDbtInd")) == "CRDT"
    # In a reversal the parties are those of the payment that is taken back.
    is_reversal = text_at(entry, "RvslInd").lower() in _TRUE
    first, second = (payers, payees) if came_in != is_reversal else (payees, payers)
    roles = (*first, *second) if owner or is_reversal else first
    names = (text_at(parties, f"{role}/Nm", f"{role}/Pty/Nm", f"{role}/Agt/FinInstnId/Nm") for role in roles)
    return next((name for name in names if name and name.casefold() != owner.casefold()), "")


def _notes(entry: Element, detail: Element | None, currency: str) -> Iterator[str]:
    """What the amount hides: another currency, charges, that it takes an earlier one back."""
    if text_at(entry, "RvslInd").lower() in _TRUE:
        yield _(REVERSAL)
    for holder in (detail, entry):
        value, original = amount_of(find(holder, "AmtDtls/InstdAmt/Amt")) if holder is not None else (None, "")
        if value is not None and original and original != currency:
            rate = text_at(holder, "AmtDtls/InstdAmt/CcyXchg/XchgRate", "AmtDtls/TxAmt/CcyXchg/XchgRate")
            yield _("Original amount: %(value)s %(original)s") % {"value": f"{value:f}", "original": original[:3]} + (
                _(", rate %(rate)s.") % {"rate": rate[:14]} if rate else "."
            )
            break
    for holder in (detail, entry):
        charges = (
            [each for path in ("Chrgs/Rcrd/Amt", "Chrgs/Amt") for each in holder.findall(path)]
            if holder is not None
            else []
        )
        told = [(value, code) for value, code in map(amount_of, charges) if value]
        if told:
            yield "Charges: " + ", ".join(f"{value:f} {code[:3]}" for value, code in told[:3]) + "."
            break
