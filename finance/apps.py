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

        def read(path: str) -> Callable[[], str]:
            """What that path names, read when it is first asked for."""
            return lambda: str(import_string(path))

        for name, module, function in (
            ("reconciliation", "finance.reconciliation.services.following", "follow"),
            ("receivables", "finance.receivables.services.keeping", "follow"),
            ("goals", "finance.planning.goals.services", "follow_replaced"),
            ("schedules", "finance.planning.schedules.services.following", "follow_replaced"),
        ):
            watch_replacements(
                name=name, watcher=called(f"{module}.{function}"), concerns=read(f"{module}.CONCERNS")
            )  # fmt: skip
        expect(name="invoices", source=called("finance.invoices_at_import.expected_payments"))
        expect(name="loans", source=called("finance.loans_at_import.expected_instalments"))
        undo_beside(name="tags", take_back=called("finance.tags.services.take_back_tags"))
        undo_beside(name="payees", take_back=called("finance.payees.services.take_back"))
