"""What all JSON interfaces share: strict bodies, paging, filters, error bodies."""
