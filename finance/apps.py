from django.apps import AppConfig


class FinanceConfig(AppConfig):
    name = "finance"

    def ready(self) -> None:
        from finance.imports.expected import expect
        from finance.invoices_at_import import expected_payments
        from finance.ledger.replacements import watch_replacements
        from finance.ledger.undoing import undo_beside
        from finance.loans_at_import import expected_instalments
        from finance.payees.services import take_back
        from finance.planning.goals import services as goals
        from finance.planning.schedules.services import following as schedules
        from finance.receivables.services import keeping
        from finance.reconciliation.services import following
        from finance.tags.services import take_back_tags

        watch_replacements(name="reconciliation", watcher=following.follow, concerns=following.CONCERNS)
        watch_replacements(name="receivables", watcher=keeping.follow, concerns=keeping.CONCERNS)
        expect(name="invoices", source=expected_payments)
        expect(name="loans", source=expected_instalments)
        watch_replacements(name="goals", watcher=goals.follow_replaced, concerns=goals.CONCERNS)
        watch_replacements(name="schedules", watcher=schedules.follow_replaced, concerns=schedules.CONCERNS)
        undo_beside(name="tags", take_back=take_back_tags)
        undo_beside(name="payees", take_back=take_back)
