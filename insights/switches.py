"""Which rules run for a book, and with which thresholds: book ← installation ← the rule's own defaults.

Operators set them in the admin, for the installation or for one book; a household for its own book.
"""

import logging
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from insights.models import RuleSetting
from insights.rules.catalogue import RULES, Rule
from insights.rules.thresholds import Thresholds, ThresholdsInvalid

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A rule as it is set for one book."""

    rule: Rule
    enabled: bool
    thresholds: Thresholds


def switches_of(*, book_id: int | None) -> dict[str, Switch]:
    """Every rule as it is set for the book (None: for books without settings of their own), by kind."""
    stored: dict[tuple[bool, str], RuleSetting] = {
        (setting.book_id is not None, setting.kind): setting
        for setting in RuleSetting.objects.filter(Q(book=None) | Q(book_id=book_id))
    }
    switches = {}
    for kind, rule in RULES.items():
        merged: dict[str, Any] = {}
        enabled = True
        # The installation's setting, then the book's.
        for of_book in (False, True):
            if setting := stored.get((of_book, kind)):
                merged.update(setting.thresholds)
                enabled = setting.enabled if setting.enabled is not None else enabled
        # A stored threshold that no longer fits must not stop the book's events: the defaults hold, and the log says so.
        try:
            thresholds = rule.settings.read(merged)
        except ThresholdsInvalid as error:
            logger.exception("The stored thresholds of %s are not usable", kind, extra={"problems": error.problems})
            thresholds = rule.settings.read({})
        switches[kind] = Switch(rule=rule, enabled=enabled, thresholds=thresholds)
    return switches
