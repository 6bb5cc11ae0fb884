"""Twins are kept, overlaps are not doubled, and nothing is decided without a reason."""

import datetime

from hypothesis import given
from hypothesis import strategies as st

from finance.imports.matching import Candidate, IncomingRow, KnownRow, RowStatus, identity_of, judge

DAY = datetime.date(2024, 3, 1)


def incoming(*rows):
    return [
        IncomingRow(
            position=i,
            date=DAY + datetime.timedelta(days=day),
            amount=amount,
            text=text,
            bank_id=bank_id,
            balance=balance,
        )
        for i, (day, amount, text, bank_id, balance) in enumerate((*row, *("", None)[len(row) - 3 :]) for row in rows)
    ]


def remember(rows, verdicts, known=()):
    """What the database would keep after confirming."""
    # A number of its own for each: among those that are known there are gaps, where rows were known already.
    next_id = max((row.row_id for row in known), default=0) + 1
    fresh = [
        KnownRow(row_id=next_id + i, date=row.date, amount=row.amount, text=row.text, identity=v.identity,
                 occurrence=v.occurrence, bank_id=row.bank_id, balance=row.balance, entry_id=1000 + i)
        for i, (row, v) in enumerate(zip(rows, verdicts, strict=True))
        if v.fate is RowStatus.NEW
    ]  # fmt: skip
    return [*known, *fresh]


def fates(rows, known=(), candidates=()):
    return [verdict.fate.value for verdict in judge(rows, known, candidates)]


def test_twins_of_one_day_are_both_new_and_numbered():
    verdicts = judge(incoming((0, -350, "coffee"), (0, -350, "coffee")), [], [])
    assert [(v.fate, v.occurrence) for v in verdicts] == [(RowStatus.NEW, 1), (RowStatus.NEW, 2)]
    assert "second equal row" in verdicts[1].reason


def test_an_overlap_is_recognised_and_a_further_twin_is_new():
    first = incoming((0, -350, "coffee"), (0, -350, "coffee"))
    known = remember(first, judge(first, [], []))
    assert fates(incoming((0, -350, "coffee"), (0, -350, "coffee"), (0, -350, "coffee")), known) == [
        "already_imported",
        "already_imported",
        "new",
    ]


def test_a_bank_id_recognises_a_row_whose_text_was_rewritten():
    first = incoming((0, -350, "card 1234 coffee", "TX-2024-0001"))
    known = remember(first, judge(first, [], []))
    assert fates(incoming((0, -350, "coffee house berlin", "TX-2024-0001")), known) == ["already_imported"]


def test_one_bank_id_for_different_rows_keeps_them_all():
    rows = incoming(
        (0, -350, "coffee", "TX-2024-0001"), (0, -900, "lunch", "TX-2024-0001"), (0, -350, "cake", "TX-2024-0001")
    )
    verdicts = judge(rows, [], [])
    assert [v.fate for v in verdicts] == [RowStatus.NEW] * 3
    known = remember(rows, verdicts)
    assert fates(rows, known) == ["already_imported"] * 3
    assert fates(rows[2:], known) == ["already_imported"]


def test_short_counters_do_not_make_different_rows_equal():
    january = incoming((0, -350, "coffee", "1"), (1, -900, "lunch", "2"))
    known = remember(january, judge(january, [], []))
    assert fates(incoming((30, -450, "tea", "1"), (31, -900, "lunch", "2")), known) == ["new", "new"]
    assert fates(incoming((0, -350, "coffee", "7")), known) == ["already_imported"]
    assert fates(incoming((0, -350, "other text", "1")), known) == ["question"]


def test_the_same_row_with_and_without_an_id_is_one():
    with_id = incoming((0, -350, "coffee", "TX-2024-0001"))
    without = incoming((0, -350, "coffee"))
    assert fates(without, remember(with_id, judge(with_id, [], []))) == ["already_imported"]
    assert fates(with_id, remember(without, judge(without, [], []))) == ["already_imported"]


def test_two_ids_of_one_file_make_two_rows():
    rows = incoming((0, -350, "coffee", "TX-2024-0001"), (0, -350, "coffee", "TX-2024-0002"))
    assert fates(rows) == ["new", "new"]
    assert fates(rows, remember(rows[:1], judge(rows[:1], [], []))) == ["already_imported", "new"]
    # Without the first one beside it, the second may be the first under another name.
    assert fates(rows[1:], remember(rows[:1], judge(rows[:1], [], []))) == ["question"]


def test_another_balance_after_an_equal_row_asks_the_reader():
    first = incoming((0, -350, "coffee", "", 9650))
    known = remember(first, judge(first, [], []))
    (verdict,) = judge(incoming((0, -350, "coffee", "", 9300)), known, [])
    assert verdict.fate is RowStatus.QUESTION
    assert "another balance" in verdict.reason
    assert fates(incoming((0, -350, "coffee", "", 9650), (0, -350, "coffee", "", 9300)), known) == [
        "already_imported",
        "new",
    ]


def test_a_manual_entry_is_matched_once_and_best():
    candidates = [
        Candidate(entry_id=7, date=DAY - datetime.timedelta(days=3), amount=-350, text="lunch", title="Lunch"),
        Candidate(entry_id=8, date=DAY, amount=-350, text="coffee", title="Coffee"),
    ]
    verdicts = judge(
        incoming((0, -350, "coffee bar"), (0, -350, "canteen"), (0, -350, "kiosk"), (0, -999, "coffee")), [], candidates
    )
    assert [(v.fate.value, v.entry_id) for v in verdicts] == [
        ("probable_match", 8),
        ("probable_match", 7),
        ("new", None),
        ("new", None),
    ]
    assert "“Coffee” of the same amount on the same day" in verdicts[0].reason
    assert "3 days earlier" in verdicts[1].reason


def test_an_entry_too_far_away_or_of_another_amount_is_no_match():
    far = Candidate(entry_id=7, date=DAY - datetime.timedelta(days=6), amount=-350, text="coffee")
    other = Candidate(entry_id=8, date=DAY, amount=350, text="coffee")
    assert fates(incoming((0, -350, "coffee")), [], [far, other]) == ["new"]


ROWS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from([-350, -900, 1200]), st.sampled_from(["coffee", "lunch"])),
    min_size=1,
    max_size=30,
)


@given(ROWS, st.data())
def test_overlapping_parts_in_any_order_never_double_and_never_drop_twins(rows, data):
    """Banks export whole days, so parts are ranges of days."""
    file = sorted(rows)
    ranges = data.draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)).map(sorted), min_size=1, max_size=5))
    parts = [[row for row in file if low <= row[0] <= high] for low, high in [*ranges, (0, 4)]]
    known = []
    for part in data.draw(st.permutations(parts)):
        arrived = incoming(*data.draw(st.permutations(part)))
        verdicts = judge(arrived, known, [])
        assert all(v.fate in {RowStatus.NEW, RowStatus.ALREADY_IMPORTED} for v in verdicts)
        known = remember(arrived, verdicts, known)
    kept = sorted(((row.date - DAY).days, row.amount, row.text) for row in known)
    assert kept == file
    assert len({(row.identity, row.occurrence) for row in known}) == len(known)


def test_identity_tells_days_amounts_and_texts_apart():
    rows = incoming(
        (0, 1, "a"), (1, 1, "a"), (0, 2, "a"), (0, 1, "b"), (0, 1, "a", "LONG-ID-1"), (0, 1, "a", "LONG-ID-2")
    )
    assert len({identity_of(row) for row in rows}) == 6
