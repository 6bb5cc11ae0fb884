# ruff: noqa: E501
"""CAMT.052, .053 and .054: balances, batches, reversals, pending rows, several files and accounts; and hostile XML."""

import datetime
import io
import zipfile
from decimal import Decimal

import pytest

from finance.errors import StatementUnreadable
from finance.imports.parsers.camt import read_camt
from finance.imports.parsers.recognise import read_statement

MESSAGES = {"053": ("BkToCstmrStmt", "Stmt"), "052": ("BkToCstmrAcctRpt", "Rpt"), "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn")}  # fmt: skip


def balance(code, amount, day="2026-03-31", direction="CRDT", currency="EUR"):
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='{currency}'>{amount}</Amt>"
        f"<CdtDbtInd>{direction}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def entry(amount="10.00", direction="DBIT", day="2026-03-05", details="", more="", status="<Sts>BOOK</Sts>", ref="R1"):
    return (
        f"<Ntry><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>{more}{status}"
        f"<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>2026-03-06</Dt></ValDt><AcctSvcrRef>{ref}</AcctSvcrRef>"
        f"{f'<NtryDtls>{details}</NtryDtls>' if details else ''}</Ntry>"
    )


def payment(amount="", *, name="Shop", text="Invoice 1", end="", role="Cdtr", more=""):
    money = f"<AmtDtls><TxAmt><Amt Ccy='EUR'>{amount}</Amt></TxAmt></AmtDtls>" if amount else ""
    return (
        f"<TxDtls><Refs><EndToEndId>{end or 'NOTPROVIDED'}</EndToEndId></Refs>{money}{more}"
        f"<RltdPties><{role}><Nm>{name}</Nm></{role}></RltdPties><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>"
    )


def account(*parts, iban="DE02120300000000202051", kind="053", owner="Ann Example"):
    holder = MESSAGES[kind][1]
    return f"<{holder}><Id>1</Id><Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>EUR</Ccy><Ownr><Nm>{owner}</Nm></Ownr></Acct>{''.join(parts)}</{holder}>"


def document(*accounts, kind="053", version="02", head="<?xml version='1.0' encoding='UTF-8'?>", prefix=""):
    message = MESSAGES[kind][0]
    text = f"{head}<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.{version}'><{message}><GrpHdr/>{''.join(accounts)}</{message}></Document>"
    if prefix:
        text = text.replace("</", "\x01").replace("<", f"<{prefix}:").replace("\x01", f"</{prefix}:")
        text = text.replace(f"<{prefix}:?", "<?").replace("xmlns=", f"xmlns:{prefix}=")
    return text.encode()


def rows(*entries, **named):
    (statement,) = read_statement(document(account(*entries, **named))).statements
    return statement.rows


def zipped(*files):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, data in enumerate(files):
            archive.writestr(f"statement-{place}.xml", data)
    return target.getvalue()


@pytest.mark.parametrize("prefix", ["", "ns2"])
@pytest.mark.parametrize("version", ["02", "04", "08", "12"])
def test_a_statement_has_its_account_balances_and_rows(version, prefix):
    data = document(
        account(balance("PRCD", "90.00", "2026-02-28"), balance("CLBD", "80.00"), entry(details=payment())),
        version=version,
        prefix=prefix,
    )
    parsed = read_statement(data)
    (statement,) = parsed.statements
    assert (parsed.format, statement.account, statement.currency) == ("camt", "DE02120300000000202051", "EUR")
    assert (statement.opening, statement.closing) == (Decimal("90.00"), Decimal("80.00"))
    assert statement.closing_on == datetime.date(2026, 3, 31)
    (row,) = statement.rows
    assert (row.number, row.date, row.amount) == (1, datetime.date(2026, 3, 5), Decimal("-10.00"))
    assert (row.payee, row.description, row.bank_id) == ("Shop", "Invoice 1", "R1")


def test_an_overdrawn_balance_is_negative():
    (statement,) = read_camt([document(account(balance("OPBD", "5.00", direction="DBIT"), entry()))]).statements
    assert statement.opening == Decimal("-5.00")


def test_balances_of_credit_lines_and_available_money_are_none_of_the_accounts():
    (statement,) = read_camt([document(account(balance("CLAV", "900.00"), entry()))]).statements
    assert (statement.opening, statement.closing) == (None, None)


def test_a_batch_is_split_where_its_payments_add_up():
    found = rows(entry("30.00", details=payment("10.00", name="A", end="E1") + payment("20.00", name="B", end="E1")))
    assert [(row.number, row.amount, row.payee, row.bank_id) for row in found] == [
        (1, Decimal("-10.00"), "A", "R1/E1/1"),
        (2, Decimal("-20.00"), "B", "R1/E1/2"),
    ]


@pytest.mark.parametrize(
    "details", [payment("10.00", name="A") + payment("19.99", name="B"), payment(name="A") + payment("30", name="B")]
)
def test_a_batch_that_does_not_add_up_stays_one_row_and_says_so(details):
    (row,) = rows(entry("30.00", details=details))
    assert (row.amount, row.payee) == (Decimal("-30.00"), "A, B")
    assert row.note == "The bank booked 2 payments as one amount; their own amounts do not add up to it."


def test_a_batch_may_hold_payments_of_both_directions():
    back = payment("5.00", more="<CdtDbtInd>CRDT</CdtDbtInd>", role="Dbtr")
    assert [row.amount for row in rows(entry("15.00", details=payment("20.00") + back))] == [-20, 5]


def test_a_reversal_keeps_the_direction_that_the_bank_states_and_names_the_other_side():
    details = payment(name="Insurer", role="Cdtr").replace(
        "<RltdPties>", "<RltdPties><Dbtr><Nm>Ann Example</Nm></Dbtr>"
    )
    (row,) = rows(entry(direction="CRDT", more="<RvslInd>true</RvslInd>", details=details))
    assert (row.amount, row.payee) == (Decimal("10.00"), "Insurer")
    assert row.note == "The bank marks this row as the reversal of an earlier one."


@pytest.mark.parametrize(("closing", "amounts", "turned"), [("90.00", [-10, 10], False), ("70.00", [-10, -10], True), ("55.00", [-10, 10], False)])  # fmt: skip
def test_balances_tell_which_direction_a_reversal_has(closing, amounts, turned):
    back = entry(direction="CRDT", more="<RvslInd>true</RvslInd>", ref="R2")
    parts = (balance("OPBD", "90.00", "2026-03-01"), balance("CLBD", closing), entry(), back)
    found = rows(*parts)
    assert [row.amount for row in found] == amounts
    assert ("turned round" in found[1].note) == turned


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("<Sts>PDNG</Sts>", "pending"), ("<Sts><Cd>PDNG</Cd></Sts>", "pending"), ("<Sts><Cd>FUTR</Cd></Sts>", "pending"),
        ("<Sts>INFO</Sts>", "void"), ("<Sts><Cd>BOOK</Cd></Sts>", "booked"), ("", "booked"),
    ],
)  # fmt: skip
def test_only_booked_entries_moved_money(status, state):
    (row,) = rows(entry(status=status))
    assert row.state == state
    assert bool(row.note) == (state != "booked")


def test_the_ultimate_party_comes_before_the_one_whose_account_was_used():
    details = payment(name="PayPal").replace(
        "<RltdPties>", "<RltdPties><UltmtCdtr><Pty><Nm>Music shop</Nm></Pty></UltmtCdtr>"
    )
    assert rows(entry(details=details))[0].payee == "Music shop"


def test_structured_references_and_the_banks_own_text_are_kept():
    structured = "<TxDtls><RmtInf><Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd></RmtInf></TxDtls>"
    (row,) = rows(entry(details=structured).replace("</Ntry>", "<AddtlNtryInf>Standing order</AddtlNtryInf></Ntry>"))
    assert (row.payee, row.description) == ("Standing order", "RF18539007547034")


@pytest.mark.parametrize(
    ("ref", "end", "found"), [("R1", "E1", "R1"), ("NOTPROVIDED", "E1", "E1"), ("NONREF", "NOTPROVIDED", ""), ("", "", "")]
)  # fmt: skip
def test_ids_that_say_nothing_are_none(ref, end, found):
    assert rows(entry(ref=ref, details=payment(end=end)))[0].bank_id == found


def test_foreign_amounts_and_charges_are_told():
    foreign = (
        "<AmtDtls><InstdAmt><Amt Ccy='USD'>12.50</Amt></InstdAmt><TxAmt><Amt Ccy='EUR'>10.00</Amt>"
        "<CcyXchg><XchgRate>1.25</XchgRate></CcyXchg></TxAmt></AmtDtls><Chrgs><Rcrd><Amt Ccy='EUR'>1.50</Amt></Rcrd></Chrgs>"
    )
    (row,) = rows(entry(details=payment(more=foreign)))
    assert row.note == "Original amount: 12.50 USD, rate 1.25. Charges: 1.50 EUR."


def test_the_booking_date_is_the_date_and_its_time_is_kept():
    timed = entry().replace("<BookgDt><Dt>2026-03-05</Dt>", "<BookgDt><DtTm>2026-03-05T23:59:00+02:00</DtTm>")
    (row,) = rows(timed)
    assert (row.date, row.raw_date) == (datetime.date(2026, 3, 5), "2026-03-05T23:59:00+02:00")


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (entry(amount="1,000.00"), "“1,000.00” is not an amount."),
        (entry(amount="9" * 40), f"“{'9' * 40}” is not an amount."),
        (entry(amount="-5.00"), "“-5.00” is not an amount."),
        (entry(amount="NaN"), "“NaN” is not an amount."),
        (entry(day="2026-02-30"), "“2026-02-30” is not a day of the calendar."),
        (entry(direction=""), "The entry does not say whether money came in or went out (CdtDbtInd)."),
        (entry().replace("'EUR'", "'QQQ'"), "“QQQ” is not a currency."),
    ],
)
def test_entries_that_cannot_be_read_are_errors_with_their_reason(broken, said):
    assert rows(entry(), broken)[1].problem == said


def test_statements_of_an_account_become_one_and_of_two_accounts_two():
    march = account(balance("OPBD", "90.00", "2026-03-01"), balance("CLBD", "80.00"), entry())
    april = account(
        balance("OPBD", "80.00", "2026-04-01"),
        balance("CLBD", "70.00", "2026-04-30"),
        entry(day="2026-04-02", ref="R2"),
    )
    other = account(entry(ref="R3"), iban="DE88")
    parsed = read_camt([document(april, march, other)])
    first, second = parsed.statements
    assert (first.opening, first.closing, len(first.rows)) == (Decimal("90.00"), Decimal("70.00"), 2)
    assert [row.date.month for row in first.rows] == [3, 4]
    assert (second.account, parsed.notes) == ("DE88", ())


def test_more_than_a_hundred_daily_statements_of_an_account_are_read():
    days = [datetime.date(2026, 1, 1) + datetime.timedelta(days=n) for n in range(150)]
    daily = [
        document(account(balance("OPBD", f"{500 - n}.00", d), balance("CLBD", f"{499 - n}.00", d), entry("1.00", day=d, ref=f"N{n:06}")))
        for n, d in enumerate(days)
    ]  # fmt: skip
    parsed = read_statement(zipped(*daily))
    (statement,) = parsed.statements
    assert (statement.opening, statement.closing, len(statement.rows), parsed.notes) == (500, 350, 150, ())


def test_a_missing_statement_between_two_is_told():
    march = account(balance("OPBD", "90.00", "2026-03-01"), balance("CLBD", "80.00"), entry())
    may = account(
        balance("OPBD", "60.00", "2026-05-01"), balance("CLBD", "50.00", "2026-05-31"), entry(day="2026-05-02")
    )
    (note,) = read_camt([document(march, may)]).notes
    assert "ends with 80.00 and the next one, from 2026-05-02, begins with 60.00" in note


def test_a_zip_of_files_is_read_as_one_and_a_repeated_file_once():
    march = document(account(balance("OPBD", "90.00", "2026-03-01"), balance("CLBD", "80.00"), entry()))
    april = document(account(balance("OPBD", "80.00"), balance("CLBD", "70.00", "2026-04-30"), entry(day="2026-04-02")))
    parsed = read_statement(zipped(april, march, march))
    (statement,) = parsed.statements
    assert (statement.opening, statement.closing, len(statement.rows)) == (90, 70, 2)
    assert parsed.notes == ("A statement of DE02120300000000202051 is in the file twice; it is read once.",)


def test_a_notification_beside_the_statement_does_not_double_its_rows():
    final = document(account(balance("OPBD", "90.00"), balance("CLBD", "80.00"), entry()))
    notified = document(account(entry(), entry("3.00", ref="R9", day="2026-04-01"), kind="054"), kind="054")
    parsed = read_statement(zipped(notified, final))
    assert [(row.amount, row.bank_id) for row in parsed.statements[0].rows] == [(-10, "R1"), (-3, "R9")]
    assert "1 rows of DE02120300000000202051 are in a statement of this file and again" in parsed.notes[0]


def test_a_report_states_an_opening_only_where_it_adds_up():
    def stated(closing):
        parts = (balance("PRCD", "90.00"), balance("ITBD", closing), entry())
        (statement,) = read_camt([document(account(*parts, kind="052"), kind="052")]).statements
        return statement.opening, statement.closing

    assert stated("80.00") == (90, 80)
    assert stated("70.00") == (None, 70)


BOMB = (
    "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY a 'aaaaaaaaaa'>"
    + "".join(f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (document(account(entry()), head=BOMB), "declares a document type"),
        (document(account(entry()), head="<!DOCTYPE x SYSTEM 'file:///etc/passwd'>"), "declares a document type"),
        (document(account(entry()))[:-40], "it breaks off there"),
        (document(account(entry())).replace(b"</Acct>", b"</Konto>"), "not sound XML (mismatched tag)"),
        (document(account("<a>" * 200 + "</a>" * 200)), "deeper than any statement"),
        (document(), "holds no statement"),
        (document(account()), "holds no transactions"),
        (document("".join(account(entry(), iban=f"DE{n}") for n in range(101))), "more than 100 statements"),
        (zipped(b"\x00" * 60_000_000), "larger than 50 MB"),
        (zipped(document(account(entry())))[:-60], "damaged"),
        (zipped(), "empty"),
        (zipped(b"Date,Amount\n", b"x"), "several files"),
    ],
    ids=range(12),
)  # fmt: skip
def test_files_that_hold_nothing_sound_are_refused_in_words(data, said):
    with pytest.raises(StatementUnreadable) as refused:
        read_statement(data)
    assert said in refused.value.detail


def test_other_encodings_are_read_whatever_is_declared():
    text = document(account(entry(details=payment(name="Müller")))).decode()
    for encoding, declared in (
        ("latin-1", "ISO-8859-1"),
        ("cp1252", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-8", "latin-1"),
    ):
        data = text.replace("UTF-8", declared).encode(encoding)
        assert read_statement(data).statements[0].rows[0].payee == "Müller", encoding


def test_a_zip_of_one_other_file_is_read_as_that_file():
    parsed = read_statement(zipped(b"Date,Payee,Amount\n2026-03-01,Shop,-3.00\n"))
    assert (parsed.format, parsed.statements[0].rows[0].amount) == ("csv", Decimal("-3.00"))


@pytest.mark.parametrize(("direction", "side"), [("DBIT", "Cdtr"), ("CRDT", "Dbtr")])
def test_account_and_bank_of_the_other_side_are_kept(direction, side):
    other = "Dbtr" if side == "Cdtr" else "Cdtr"
    parties = (
        f"<RltdPties><{side}><Nm>Shop</Nm></{side}><{side}Acct><Id><IBAN>DE75512108001245126199</IBAN></Id></{side}Acct>"
        f"<{other}Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></{other}Acct></RltdPties>"
        f"<RltdAgts><{side}Agt><FinInstnId><BICFI>SOLADEST600</BICFI></FinInstnId></{side}Agt></RltdAgts>"
    )
    (row,) = rows(entry(direction=direction, details=f"<TxDtls>{parties}</TxDtls>"))
    assert (row.counterparty_account, row.counterparty_bank) == ("DE75512108001245126199", "SOLADEST600")
