"""What the commands for one book share."""

from django.core.management.base import CommandError

from finance.models import Book


def book_named(book_id: int) -> Book:
    """The book with that number, or a sentence for the terminal."""
    try:
        return Book.objects.get(pk=book_id)
    except Book.DoesNotExist:
        raise CommandError(f"There is no book {book_id}.") from None
