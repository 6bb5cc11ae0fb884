from django.apps import AppConfig


class FinanceConfig(AppConfig):
    name = "finance"

    def ready(self) -> None:
        from finance.ledger.replacements import watch_replacements
        from finance.ledger.undoing import undo_beside
        from finance.payees.services import take_back
        from finance.planning.schedules.services import follow_replaced
        from finance.reconciliation.services.following import follow
        from finance.tags.services import take_back_tags

        watch_replacements(name="reconciliation", watcher=follow)
        watch_replacements(name="schedules", watcher=follow_replaced)
        undo_beside(name="tags", take_back=take_back_tags)
        undo_beside(name="payees", take_back=take_back)
