"""Every event that finance emits. Names are past tense; payloads carry ids and dates, never amounts or names."""

# Who looks for events finds all of them.
from finance.events import books, journal, people, plans, records, reports, webhooks  # noqa: F401
