"""What every JSON interface shares and no app owns: strict bodies, paging, filters, error bodies."""
