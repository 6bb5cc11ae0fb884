from collections.abc import Callable
from typing import Any

from django.apps import AppConfig
from django.utils.module_loading import import_string


class FinanceConfig(AppConfig):
    name = "finance"

    def ready(self) -> None:
        from finance.imports.expected import expect
        from finance.ledger.replacements import watch_replacements
        from finance.ledger.undoing import undo_beside

        def called(path: str) -> Callable[..., Any]:
            """The function of that path, imported when it is first called: services import nearly everything."""
            return lambda *arguments: import_string(path)(*arguments)

        watch_replacements(name="reconciliation", watcher=called("finance.reconciliation.services.following.follow"))
        watch_replacements(name="receivables", watcher=called("finance.receivables.services.keeping.follow"))
        watch_replacements(name="goals", watcher=called("finance.planning.goals.services.follow_replaced"))
        watch_replacements(name="schedules", watcher=called("finance.planning.schedules.services.follow_replaced"))
        expect(name="invoices", source=called("finance.invoices_at_import.expected_payments"))
        undo_beside(name="tags", take_back=called("finance.tags.services.take_back_tags"))
        undo_beside(name="payees", take_back=called("finance.payees.services.take_back"))
