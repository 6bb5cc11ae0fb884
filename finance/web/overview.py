"""The overview: what we own, where it went, what deserves a look."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from finance.models import Book
from finance.web.access import book_page


@book_page()
def overview(request: HttpRequest, book: Book) -> HttpResponse:
    return render(request, "web/overview.html", {"book": book})
