"""Which account a row belongs to, and by which name its payee is known: learned from the book's own entries.

`words` says what is counted, `model` how likely an account is, `prior` what is known before anything was learned, and
`reader` asks the counts for the rows of a file. Counting itself is a service: `finance.imports.services.learning`.
"""
