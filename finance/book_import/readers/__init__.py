"""One module per program. Each turns the bytes of its export into a `SourceBook`, without a database."""
