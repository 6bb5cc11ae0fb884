"""Reports of a book: what it holds, what came in and went out, and where it went. Read only, but for saved reports."""
