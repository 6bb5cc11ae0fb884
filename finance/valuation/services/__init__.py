"""Everything that changes rates and values. Each function is one transaction and emits its event."""

from finance.valuation.services.assets import (
    appraise,
    bring_up_to_date,
    is_valuable,
    plan_depreciation,
    post_due_months,
    remove_appraisal,
    stop_depreciation,
)
from finance.valuation.services.rate_files import LARGEST_FILE, ImportedRates, import_rates
from finance.valuation.services.rates import choose_rates, remove_rate, save_rate
from finance.valuation.services.reference import RatesAway, ask_for_reference_rates, fetch_reference_rates

__all__ = [
    "LARGEST_FILE",
    "ImportedRates",
    "RatesAway",
    "appraise",
    "ask_for_reference_rates",
    "bring_up_to_date",
    "choose_rates",
    "fetch_reference_rates",
    "import_rates",
    "is_valuable",
    "plan_depreciation",
    "post_due_months",
    "remove_appraisal",
    "remove_rate",
    "save_rate",
    "stop_depreciation",
]
