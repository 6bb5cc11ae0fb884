"""Everything that changes rates and values. Each function is one transaction and announces itself."""

from finance.valuation.services.rate_files import ImportedRates, import_rates
from finance.valuation.services.rates import choose_rates, remove_rate, save_rate
from finance.valuation.services.reference import RatesAway, ask_for_reference_rates, fetch_reference_rates

__all__ = [
    "ImportedRates",
    "RatesAway",
    "ask_for_reference_rates",
    "choose_rates",
    "fetch_reference_rates",
    "import_rates",
    "remove_rate",
    "save_rate",
]
