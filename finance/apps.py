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
        from finance.planning.goals.services import follow_replaced as follow_goals
        from finance.planning.schedules.services import follow_replaced
        from finance.receivables.services.keeping import follow as keep_as_billed
        from finance.reconciliation.services.following import follow
        from finance.tags.services import take_back_tags

        watch_replacements(name="reconciliation", watcher=follow)
        watch_replacements(name="receivables", watcher=keep_as_billed)
        expect(name="invoices", source=expected_payments)
        expect(name="loans", source=expected_instalments)
        watch_replacements(name="goals", watcher=follow_goals)
        watch_replacements(name="schedules", watcher=follow_replaced)
        undo_beside(name="tags", take_back=take_back_tags)
        undo_beside(name="payees", take_back=take_back)
