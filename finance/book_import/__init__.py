"""Moving in: reads the whole books of other programs, and of LifeOS, into a new book, with a proof by account."""
