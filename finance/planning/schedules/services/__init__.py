"""Everything that changes schedules. Each function is one transaction and announces itself."""

from finance.planning.schedules.services.following import (
    follow_replaced,
    foreseen,
    match_entries,
    match_schedule,
    questions,
)
from finance.planning.schedules.services.holidays import change_holidays
from finance.planning.schedules.services.occurrences import (
    link_entry,
    move_occurrence,
    pay_occurrence,
    refuse_entry,
    reopen_occurrence,
    skip_occurrence,
    unlink_entry,
)
from finance.planning.schedules.services.schedules import (
    change_schedule,
    create_schedule,
    end_schedule,
    remove_schedule,
)

__all__ = [
    "change_holidays",
    "change_schedule",
    "create_schedule",
    "end_schedule",
    "follow_replaced",
    "foreseen",
    "link_entry",
    "match_entries",
    "match_schedule",
    "move_occurrence",
    "pay_occurrence",
    "questions",
    "refuse_entry",
    "remove_schedule",
    "reopen_occurrence",
    "skip_occurrence",
    "unlink_entry",
]
