"""What the views of one book share: access by role, one effect per Idempotency-Key, today's date."""

import datetime
from collections.abc import Callable, Collection
from typing import Any, ClassVar, cast

from django.utils.functional import cached_property
from rest_framework import exceptions, serializers
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import SAFE_METHODS, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.serializers import NothingSerializer
from core.clock import today_in
from finance.api.tree import AccountTree
from finance.errors import Forbidden, NotFound, PartlyHidden
from finance.ledger.models import Book, Role
from finance.ledger.selectors import book_for, role_of
from identity.api.idempotency import OncePerKey
from identity.models import User


class BookAccess(BasePermission):
    """Reading takes the view's `read_role`, writing its `write_role`. Strangers see that there is no such book.

    Members who see some accounts only are refused, but for the methods that the view filters (`partly`).
    """

    message = Forbidden().detail

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(view, BookView):
            raise TypeError("BookAccess guards views of one book")
        needed = view.read_role if request.method in SAFE_METHODS else view.write_role
        method = "GET" if request.method in SAFE_METHODS else request.method
        membership = getattr(request, "membership", None)
        try:
            view.book = book_for(
                user=cast(User, request.user), book_id=view.kwargs["book_id"], at_least=needed,
                partly=method in view.partly,
                among=[membership] if membership else None,
            )  # fmt: skip
        except PartlyHidden as error:
            raise exceptions.PermissionDenied(error.detail, code=error.code) from error
        except Forbidden:
            return False
        except NotFound as error:
            # The browsable pages ask again, and expect DRF's own errors.
            raise exceptions.NotFound(error.detail) from error
        return True


class ApiView(OncePerKey, GenericAPIView[Any]):
    """A view whose bodies are described per method in `bodies`, and whose changes happen once per key."""

    bodies: dict[str, type[serializers.Serializer[Any]]] = {}

    def once(self, change: Callable[[], tuple[int, Any]], *, secrets: Collection[str] = ()) -> Response:
        def checked() -> tuple[int, Any]:
            if self.request.method not in self.bodies:
                NothingSerializer(data=self.request.data).is_valid(raise_exception=True)
            return change()

        return super().once(checked, secrets=secrets)

    @property
    def user(self) -> User:
        """The user; IsAuthenticated admits nobody else."""
        return cast(User, self.request.user)

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return self.bodies.get(str(self.request.method), super().get_serializer_class())

    def body(self) -> dict[str, Any]:
        """The checked body of the request. Raises ValidationError."""
        serializer = self.bodies[str(self.request.method)](
            data=self.request.data, context=self.get_serializer_context()
        )
        serializer.is_valid(raise_exception=True)
        checked: dict[str, Any] = serializer.validated_data
        return checked


class BookView(ApiView):
    """A view below /books/{book_id}/."""

    permission_classes = [IsAuthenticated, BookAccess]
    read_role = Role.VIEWER
    write_role = Role.EDITOR
    # The methods that show and change only what a member with some accounts sees.
    partly: ClassVar[frozenset[str]] = frozenset()
    book: Book

    @property
    def role(self) -> Role | None:
        """The user's role in the book: when a change may have given another one, as it is now."""
        membership = getattr(self.request, "membership", None)
        return (
            Role(membership.role)
            if membership and self.request.method in SAFE_METHODS
            else role_of(user=self.user, book=self.book)
        )

    @cached_property
    def tree(self) -> AccountTree:
        return AccountTree(self.book)

    def today(self) -> datetime.date:
        """The current day in the book's time zone."""
        return today_in(self.book)
