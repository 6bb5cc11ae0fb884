import datetime

from hypothesis import given
from hypothesis import strategies as st

from lifeos_project.backups.retention import Policy, kept

LAST = datetime.datetime(2026, 3, 20, 2, 30, tzinfo=datetime.UTC)
MINUTES = st.integers(0, 5 * 365 * 24 * 60)
MOMENTS = st.lists(MINUTES.map(lambda minutes: LAST - datetime.timedelta(minutes=minutes)), max_size=60, unique=True)


def nightly(days: int) -> list[datetime.datetime]:
    """Backups at half past two, `days` nights back from 20 March 2026."""
    return [LAST - datetime.timedelta(days=back) for back in range(days)]


def dates(moments) -> list[str]:
    return sorted((f"{moment:%Y-%m-%d}" for moment in moments), reverse=True)


def test_a_year_of_nights_leaves_days_weeks_and_months():
    found = kept(nightly(365), policy=Policy(last=1, daily=3, weekly=3, monthly=4))
    # Three days; the Sundays that end the two weeks before; the last days of the months before.
    assert dates(found) == [
        *("2026-03-20", "2026-03-19", "2026-03-18"),
        *("2026-03-15", "2026-03-08"),
        *("2026-02-28", "2026-01-31", "2025-12-31"),
    ]


def test_of_one_day_the_newest_stays_and_the_last_few():
    noon = datetime.datetime(2026, 3, 20, 12, tzinfo=datetime.UTC)
    hourly = [noon + datetime.timedelta(hours=hour) for hour in range(6)]
    assert kept(hourly, policy=Policy(last=1, daily=7, weekly=5, monthly=12)) == {hourly[-1]}
    assert kept(hourly, policy=Policy(last=3, daily=7, weekly=5, monthly=12)) == set(hourly[-3:])


def test_days_without_a_backup_do_not_use_up_the_policy():
    rare = nightly(400)[::40]
    assert kept(rare, policy=Policy(last=1, daily=5, weekly=0, monthly=0)) == set(rare[:5])


@given(MOMENTS)
def test_the_newest_always_stays_whatever_the_policy(moments):
    found = kept(moments, policy=Policy(last=0, daily=0, weekly=0, monthly=0))
    assert found == ({max(moments)} if moments else set())


@given(MOMENTS, st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))
def test_pruning_twice_takes_nothing_more(moments, last, daily, weekly, monthly):
    policy = Policy(last=last, daily=daily, weekly=weekly, monthly=monthly)
    once = kept(moments, policy=policy)
    assert kept(once, policy=policy) == once
    assert len(once) <= max(last, 1) + daily + weekly + monthly
