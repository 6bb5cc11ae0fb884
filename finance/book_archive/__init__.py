"""Everything of a book in one zip file, and the way back."""
