from django.apps import AppConfig


class FinanceConfig(AppConfig):
    name = "finance"

    def ready(self) -> None:
        from finance.ledger.replacements import watch_replacements
        from finance.reconciliation.services.following import follow

        watch_replacements(name="reconciliation", watcher=follow)
