"""Everything that changes rates and values. Each function is one transaction and announces itself."""

from finance.valuation.services.rate_files import ImportedRates, import_rates
from finance.valuation.services.rates import choose_rates, remove_rate, save_rate

__all__ = ["ImportedRates", "choose_rates", "import_rates", "remove_rate", "save_rate"]
