"""Scenarios, and the least that each account should keep, in an export of the whole book, and back."""

import datetime
from typing import Any

from django.utils.translation import gettext as _

from finance import money
from finance.errors import AmountInvalid, BookUnreadable, Invalid
from finance.events.plans import ForecastAccountSet, ScenarioSaved
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Book
from finance.planning.forecast.models import ForecastAccount
from finance.planning.scenarios.models import Scenario, ScenarioStep
from finance.planning.upcoming import Layer
from identity.models import User
from platform_outbox.emit import emit_many

VERSION = 1


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """Floors of accounts, and scenarios with their steps. Amounts of steps are minor units: their plans know currencies."""
    steps: dict[int, list[dict[str, Any]]] = {}
    for step in ScenarioStep.objects.filter(book=book).order_by("pk"):
        steps.setdefault(step.scenario_id, []).append(
            {
                "kind": step.kind,
                "first": step.first.isoformat(),
                "last": step.last and step.last.isoformat(),
                "layer": step.layer,
                "source": step.source_id,
                "account": step.account_id,
                "category": step.category_id,
                "amount": step.amount,
                "percent": step.percent,
                "days": step.days,
                "flow": step.flow,
                "unit": step.unit,
                "every": step.every,
                "label": step.label,
            }
        )
    return {
        "version": VERSION,
        "accounts": [
            {
                "account": each.account_id,
                "floor": None
                if each.floor is None
                else money.format_amount(each.floor, currency=each.account.currency),
                "included": each.included,
            }
            for each in ForecastAccount.objects.filter(book=book).select_related("account").order_by("pk")
        ],
        "scenarios": [
            {
                "name": scenario.name,
                "note": scenario.note,
                "promoted_at": scenario.promoted_at and scenario.promoted_at.isoformat(),
                "steps": steps.get(scenario.pk, []),
            }
            for scenario in Scenario.objects.filter(book=book).order_by("pk")
        ],
    }


def take(arrival: Arrival, document: Any) -> list[str]:
    """Write them into the new book; returns a sentence for each step whose plan did not come along.

    Raises BookUnreadable.
    """
    left: list[str] = []
    scenarios, steps, told = [], [], []
    try:
        if document["version"] != VERSION:
            version = {"version": str(document["version"])[:20]}
            raise BookUnreadable(reason=_("Scenarios of version %(version)s are not known here.") % version)
        for given in document["accounts"]:
            account = arrival.account(given["account"])
            floor = None if given["floor"] is None else money.parse_amount(given["floor"], currency=account.currency)
            included = given["included"] is True
            told.append(ForecastAccount(book=arrival.book, account=account, floor=floor, included=included))
        for given in document["scenarios"]:
            promoted_at = given["promoted_at"] and datetime.datetime.fromisoformat(given["promoted_at"])
            scenario = Scenario(
                book=arrival.book, name=_text(given["name"]), note=_text(given["note"]), promoted_at=promoted_at
            )
            scenarios.append(scenario)
            for each in given["steps"]:
                source = None
                if each["source"] is not None:
                    kind = str(Layer(each["layer"]))
                    source = arrival.numbers.get(kind, {}).get(int(each["source"]))
                    if source is None:
                        text = _("A step of the scenario “%(name)s” was not imported: its plan did not come along.")
                        left.append(text % {"name": scenario.name[:80]})
                        continue
                steps.append(_step(arrival, scenario, each, source))
    except (Invalid, AmountInvalid, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = _("The scenarios of the export are damaged: %(error)s.") % {"error": str(error)[:100]}
        raise BookUnreadable(reason=reason) from error
    ForecastAccount.objects.bulk_create(told)
    Scenario.objects.bulk_create(scenarios)
    ScenarioStep.objects.bulk_create(steps, batch_size=5000)
    book_id = arrival.book.pk
    emit_many([ForecastAccountSet(book_id=book_id, account_id=each.account_id) for each in told])
    emit_many([ScenarioSaved(book_id=book_id, scenario_id=each.pk) for each in scenarios])
    return left


def _step(arrival: Arrival, scenario: Scenario, given: dict[str, Any], source: int | None) -> ScenarioStep:
    accounts = {name: None if given[name] is None else arrival.account(given[name]) for name in ("account", "category")}
    numbers = {name: None if given[name] is None else int(given[name]) for name in ("amount", "percent", "days")}
    step = ScenarioStep(
        book=arrival.book,
        scenario=scenario,
        kind=ScenarioStep.Steps(given["kind"]),
        first=datetime.date.fromisoformat(given["first"]),
        last=given["last"] and datetime.date.fromisoformat(given["last"]),
        layer=ScenarioStep.Layers(given["layer"]),
        source_id=source,
        flow=_text(given["flow"]),
        unit=_text(given["unit"]),
        every=int(given["every"]),
        label=_text(given["label"]),
        **accounts,
        **numbers,
    )
    step.overlay()
    return step


def _text(given: str) -> str:
    if not isinstance(given, str) or "\x00" in given:
        raise ValueError("a text is none")
    return given
