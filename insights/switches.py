"""Which rules run for a book, and with which thresholds: book ← installation ← the rule's own defaults.

Operators set them in the admin, for the installation or for one book; a household for its own book.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
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


@transaction.atomic
def set_rule(*, book_id: int, kind: str, enabled: bool, thresholds: Mapping[str, Any]) -> Switch:
    """Switch a rule on or off for the book and set its thresholds (JSON as `Thresholds.read` takes it; all or some).

    What equals the installation's setting is not stored, so that a change of it still reaches the book. It holds from
    the next posting on; what was raised stays. Raises KeyError for a kind that is no rule, ThresholdsInvalid.
    """
    rule = RULES[kind]
    RuleSetting.objects.select_for_update().filter(book_id=book_id, kind=kind).first()
    own = switches_of(book_id=book_id)[kind]
    wanted = rule.settings.read({**own.thresholds.as_json(), **thresholds}).as_json()
    inherited = switches_of(book_id=None)[kind]
    other = {name: value for name, value in wanted.items() if value != inherited.thresholds.as_json()[name]}
    if other or enabled != inherited.enabled:
        RuleSetting.objects.update_or_create(
            book_id=book_id,
            kind=kind,
            defaults={"enabled": None if enabled == inherited.enabled else enabled, "thresholds": other},
        )
    else:
        RuleSetting.objects.filter(book_id=book_id, kind=kind).delete()
    return switches_of(book_id=book_id)[kind]
