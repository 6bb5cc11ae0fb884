"""What is planned: schedules, budgets, forecasts, goals, scenarios, loans and cards."""

import datetime
from dataclasses import dataclass
from typing import ClassVar

from finance.events.base import BookEvent
from platform_outbox.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBegan(BookEvent):
    """A day began in the book's time zone. Days on which no worker ran are skipped."""

    name: ClassVar[str] = "finance.day.began"
    date: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastAccountSet(BookEvent):
    """The least balance of an account in the forecast was set, or the account was left out of it or taken in."""

    name: ClassVar[str] = "finance.forecast.account_set"
    account_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastMade(BookEvent):
    """The forecast of a day was made and kept."""

    name: ClassVar[str] = "finance.forecast.made"
    forecast_id: int
    date: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastScored(BookEvent):
    """Figures of earlier forecasts were compared with what came."""

    name: ClassVar[str] = "finance.forecast.scored"
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalSaved(BookEvent):
    """A goal was made, changed, closed or opened again."""

    name: ClassVar[str] = "finance.goal.saved"
    goal_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalRemoved(BookEvent):
    """A goal was removed with its records."""

    name: ClassVar[str] = "finance.goal.removed"
    goal_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalMoved(BookEvent):
    """Money was set aside for a goal, or released."""

    name: ClassVar[str] = "finance.goal.moved"
    goal_id: int
    move_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioSaved(BookEvent):
    """A scenario was made, or it or its steps changed."""

    name: ClassVar[str] = "finance.scenario.saved"
    scenario_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioRemoved(BookEvent):
    """A scenario was removed."""

    name: ClassVar[str] = "finance.scenario.removed"
    scenario_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioPromoted(BookEvent):
    """The steps of a scenario were put into the plan."""

    name: ClassVar[str] = "finance.scenario.promoted"
    scenario_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanSaved(BookEvent):
    """A loan was added, or its terms, rates, extra payments or drawdowns changed."""

    name: ClassVar[str] = "finance.loan.saved"
    loan_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanRemoved(BookEvent):
    """A loan was removed from the plan; its entries stay."""

    name: ClassVar[str] = "finance.loan.removed"
    loan_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanPaid(BookEvent):
    """The instalment of a loan that is due on that day was paid by an entry."""

    name: ClassVar[str] = "finance.loan.paid"
    loan_id: int
    entry_id: int
    due: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanPaymentUnlinked(BookEvent):
    """The instalment of a loan that is due on that day counts as unpaid again; the entry stays."""

    name: ClassVar[str] = "finance.loan.payment_unlinked"
    loan_id: int
    due: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class CardTermsSaved(BookEvent):
    """When a card's statements close and how they are paid was set or changed."""

    name: ClassVar[str] = "finance.card_terms.saved"
    account_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CardTermsRemoved(BookEvent):
    """The terms of a card were removed."""

    name: ClassVar[str] = "finance.card_terms.removed"
    account_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSaved(BookEvent):
    """A schedule was added, changed or ended."""

    name: ClassVar[str] = "finance.schedule.saved"
    schedule_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRemoved(BookEvent):
    """A schedule was removed; entries that paid it stay."""

    name: ClassVar[str] = "finance.schedule.removed"
    schedule_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleOccurrenceChanged(BookEvent):
    """An occurrence of a schedule was skipped, moved, paid, or opened again. It is known by its nominal date."""

    name: ClassVar[str] = "finance.schedule.occurrence_changed"
    schedule_id: int
    nominal: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSaved(BookEvent):
    """A budget was made or changed."""

    name: ClassVar[str] = "finance.budget.saved"
    budget_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRemoved(BookEvent):
    """A budget was removed, with its lines and their records."""

    name: ClassVar[str] = "finance.budget.removed"
    budget_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLineSaved(BookEvent):
    """A line of a budget was added or changed: its target, what it carries over, or whether it is closed."""

    name: ClassVar[str] = "finance.budget_line.saved"
    budget_id: int
    line_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLineRemoved(BookEvent):
    """A line of a budget that had no records was removed."""

    name: ClassVar[str] = "finance.budget_line.removed"
    budget_id: int
    line_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetAssigned(BookEvent):
    """Amounts of one period were given to lines of a budget or moved between them, all together."""

    name: ClassVar[str] = "finance.budget.assigned"
    budget_id: int
    period: datetime.date
    line_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurringFound(BookEvent):
    """A series of payments was found in the history, and is offered as a schedule."""

    name: ClassVar[str] = "finance.recurring.found"
    finding_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurringDecided(BookEvent):
    """A series that was found was made a schedule, dismissed, or offered again."""

    name: ClassVar[str] = "finance.recurring.decided"
    finding_id: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurringDue(Event):
    """All of a book is to be looked at for recurring payments. Internal: not sent to webhooks."""

    name: ClassVar[str] = "finance.recurring.due"
    look_id: int  # number of the book; not `book_id`, so that other events of the book do not wait

    @property
    def ordering_key(self) -> str:
        return f"recurring:{self.look_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFeedChanged(BookEvent):
    """A member made, changed or revoked the address of their calendar."""

    name: ClassVar[str] = "finance.calendar_feed.changed"
    user_id: int
