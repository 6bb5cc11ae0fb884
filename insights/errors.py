from typing import ClassVar

from finance.errors import NotFound


class InsightsOff(NotFound):
    """Insights are switched off here."""

    code: ClassVar[str] = "insights_off"
