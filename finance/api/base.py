"""What the views of one book share: access by role, one effect per Idempotency-Key, today's date."""

import datetime
import hashlib
import json
import re
import zoneinfo
from collections.abc import Callable
from typing import Any, cast

from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import SAFE_METHODS, BasePermission, IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finance.api.tree import AccountTree
from finance.errors import Forbidden
from finance.ledger.models import Book, Role
from finance.ledger.selectors import book_for
from finance.ledger.services import remember_answer
from identity.models import User

_KEY = re.compile(r"[\x21-\x7e]{1,200}")

IDEMPOTENCY_KEY = OpenApiParameter(
    name="Idempotency-Key",
    location=OpenApiParameter.HEADER,
    type={"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
    description=(
        "A name of your choice for this change, such as a UUID. Sent again with the same body it returns the first "
        "answer and `Idempotent-Replayed: true`; with another body it is refused."
    ),
)
REPLAYED = OpenApiParameter(
    name="Idempotent-Replayed",
    location=OpenApiParameter.HEADER,
    type={"type": "string", "enum": ["true"]},
    response=[200, 201],
    description="Present where the answer is that of an earlier request with the same `Idempotency-Key`.",
)


class BookAccess(BasePermission):
    """Reading takes the view's `read_role`, writing its `write_role`. Strangers are told that there is no such book."""

    message = Forbidden().detail

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(view, BookView):
            raise TypeError("BookAccess guards views of one book")
        needed = view.read_role if request.method in SAFE_METHODS else view.write_role
        try:
            view.book = book_for(user=cast(User, request.user), book_id=view.kwargs["book_id"], at_least=needed)
        except Forbidden:
            return False
        return True


class ApiView(GenericAPIView[Any]):
    """A view whose bodies are described per method in `bodies`, and whose changes happen once per key."""

    bodies: dict[str, type[serializers.Serializer[Any]]] = {}

    @property
    def user(self) -> User:
        """Who asks; IsAuthenticated has let nobody else in."""
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

    def once(self, change: Callable[[], tuple[int, Any]]) -> Response:
        """Answer with the change's (status, data); with an Idempotency-Key the change happens once per key."""
        key = self.request.headers.get("Idempotency-Key")
        if key is None:
            status, data = change()
            return Response(data, status=status)
        if not _KEY.fullmatch(key):
            said = _("Use 1 to 200 visible ASCII characters.")
            raise ValidationError({"Idempotency-Key": [ErrorDetail(said, code="invalid")]})
        status, data, replayed = remember_answer(
            user=self.user,
            key=key,
            request_hash=_fingerprint(self.request),
            run=lambda: _as_json(*change()),
        )
        return Response(data, status=status, headers={"Idempotent-Replayed": "true"} if replayed else None)


class BookView(ApiView):
    """A view below /books/{book_id}/."""

    permission_classes = [IsAuthenticated, BookAccess]
    read_role = Role.VIEWER
    write_role = Role.EDITOR
    book: Book

    @cached_property
    def tree(self) -> AccountTree:
        return AccountTree(self.book)

    def today(self) -> datetime.date:
        """The current day in the book's time zone."""
        return timezone.now().astimezone(zoneinfo.ZoneInfo(self.book.time_zone)).date()


def _as_json(status: int, data: Any) -> tuple[int, Any]:
    return status, json.loads(JSONRenderer().render(data))


def _fingerprint(request: Request) -> str:
    """Method, path and meaning of the body; not its blanks and the order of its members."""
    body = json.dumps(request.data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{request.method} {request.path}\n{body}".encode(errors="surrogatepass")).hexdigest()
