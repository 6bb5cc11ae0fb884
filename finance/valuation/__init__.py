"""What amounts are worth in another currency: rates, valuation at a date, valued assets, gains from exchange rates."""
