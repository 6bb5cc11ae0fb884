"""What reports and registers keep: views, rates, values, dashboards."""

import datetime
from dataclasses import dataclass
from typing import ClassVar

from finance.events.base import BookEvent
from platform_outbox.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class PayPeriodSet(BookEvent):
    """The book's pay period was set, changed or removed."""

    name: ClassVar[str] = "finance.book.pay_period_set"


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSaved(BookEvent):
    """A view of a register was saved, or changed."""

    name: ClassVar[str] = "finance.view.saved"
    view_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewRemoved(BookEvent):
    """A saved view was removed."""

    name: ClassVar[str] = "finance.view.removed"
    view_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSaved(BookEvent):
    """An exchange rate was added or changed by hand."""

    name: ClassVar[str] = "finance.rate.saved"
    rate_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRemoved(BookEvent):
    """An exchange rate was removed."""

    name: ClassVar[str] = "finance.rate.removed"
    rate_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RatesImported(BookEvent):
    """Exchange rates were read from a file; they are of days from the first to the last."""

    name: ClassVar[str] = "finance.rates.imported"
    first: datetime.date
    last: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class RatesChosen(BookEvent):
    """It was chosen which rates the book uses."""

    name: ClassVar[str] = "finance.rates.chosen"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetValued(BookEvent):
    """The value or the depreciation of a valuable was recorded, changed or removed; the entries have their own events."""

    name: ClassVar[str] = "finance.asset.valued"
    account_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRatesDue(Event):
    """Published exchange rates are to be fetched. Internal: not sent to webhooks."""

    name: ClassVar[str] = "finance.reference_rates.due"
    source: str
    host: str  # who is called

    @property
    def ordering_key(self) -> str:
        return f"rates:{self.source}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSaved(BookEvent):
    """A report was saved by a name, or a saved one renamed."""

    name: ClassVar[str] = "finance.report.saved"
    report_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRemoved(BookEvent):
    """A saved report was removed."""

    name: ClassVar[str] = "finance.report.removed"
    report_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardChanged(BookEvent):
    """A member chose or ordered the cards of their overview."""

    name: ClassVar[str] = "finance.dashboard.changed"
    user_id: int
