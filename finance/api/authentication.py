"""Tokens at the API: below a book, one statement reads the user, the membership and the book."""

from typing import Any

from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication

from finance.ledger.models import Membership
from identity.models import User


class MemberTokens(JWTAuthentication):
    """Simplejwt's authentication; a membership in the book of the address is noted on the request (`membership`).

    What a user must be is checked by the library, whichever way they were read.
    """

    def authenticate(self, request: Request) -> Any:
        members = _Members(request.parser_context["kwargs"].get("book_id") if request.parser_context else None)
        self.user_model = members  # type: ignore[assignment]  # what the library asks for a user
        found = super().authenticate(request)
        request.membership = members.membership  # type: ignore[attr-defined]
        return found


class _Members:
    """Looks users up as their model does; with a book, through the membership in it."""

    DoesNotExist = User.DoesNotExist

    def __init__(self, book_id: int | None) -> None:
        self.objects = self
        self.book_id = book_id
        self.membership: Membership | None = None

    def get(self, *, id: Any) -> User:
        """The user with that id. Raises User.DoesNotExist."""
        if self.book_id is not None:
            mine = Membership.objects.filter(book_id=self.book_id, user_id=id).select_related("book", "user")
            self.membership = mine.first()
        return self.membership.user if self.membership else User.objects.get(id=id)
