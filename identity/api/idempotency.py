"""One effect per Idempotency-Key, for every view that changes something."""

import functools
import hashlib
import json
import re
from collections.abc import Callable, Collection
from typing import Any, cast

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from identity.idempotency import IdempotencyMismatch, forget_answer, remember_answer
from identity.models import User

_KEY = re.compile(r"[\x21-\x7e]{1,200}")

IDEMPOTENCY_KEY = OpenApiParameter(
    name="Idempotency-Key",
    location=OpenApiParameter.HEADER,
    type={"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
    description=(
        "Your own key for this change, such as a UUID. Sent again with the same body, it returns the first answer "
        "and `Idempotent-Replayed: true`; with another body, the request is refused."
    ),
)
REPLAYED = OpenApiParameter(
    name="Idempotent-Replayed",
    location=OpenApiParameter.HEADER,
    type={"type": "string", "enum": ["true"]},
    response=[200, 201, 202, 204],
    description="Present if the answer is that of an earlier request with the same `Idempotency-Key`.",
)


class KeyUsedBefore(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = gettext_lazy(IdempotencyMismatch.__doc__ or "")
    default_code = "idempotency_mismatch"


class OncePerKey(APIView):
    """A view whose changes go through `once`; the OpenAPI document shows the key for each of them."""

    def once(self, change: Callable[[], tuple[int, Any]], *, secrets: Collection[str] = ()) -> Response:
        """Answer with the change's (status, data); with an Idempotency-Key the change happens once per key.

        `secrets` names members of the data that are answered once: what is kept, and so a replay, has null for them.
        """
        headers = {"Cache-Control": "no-store"} if secrets else {}
        key = self.request.headers.get("Idempotency-Key")
        if key is None:
            status_code, data = change()
            return Response(data, status=status_code, headers=headers)
        if not _KEY.fullmatch(key):
            said = _("Use 1 to 200 visible ASCII characters.")
            raise ValidationError({"Idempotency-Key": [ErrorDetail(said, code="invalid")]})
        shown_once: dict[str, Any] = {}

        def run() -> tuple[int, Any]:
            status_code, data = change()
            if secrets:
                shown_once.update({name: data[name] for name in secrets})
                data = {**data, **dict.fromkeys(secrets)}
            return status_code, None if data is None else json.loads(JSONRenderer().render(data))

        # Method, path and meaning of the body; spaces and the order of members do not matter.
        given = self.request.data
        meaning = {name: given.getlist(name) for name in given} if isinstance(given, QueryDict) else given
        body = json.dumps(meaning, sort_keys=True, separators=(",", ":"), default=_of_file)
        asked = f"{self.request.method} {self.request.path}\n{body}".encode(errors="surrogatepass")
        user, request_hash = cast(User, self.request.user), hashlib.sha256(asked).hexdigest()
        try:
            status_code, data, replayed = remember_answer(
                user=user, key=key, request_hash=request_hash, run=run, book_id=self.kwargs.get("book_id")
            )
        except IdempotencyMismatch as error:
            raise KeyUsedBefore() from error
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        return Response({**data, **shown_once} if shown_once else data, status=status_code, headers=headers)

    def free_key(self) -> None:
        """Let the request's key be used again, for a change that is taken back after its transaction."""
        if key := self.request.headers.get("Idempotency-Key"):
            forget_answer(user=cast(User, self.request.user), key=key)


def once_per_key(
    *, secrets: Collection[str] = ()
) -> Callable[[Callable[..., tuple[int, Any]]], Callable[..., Response]]:
    """For a method of a OncePerKey view that returns (status, data): it is answered through `once`."""

    def decorate(change: Callable[..., tuple[int, Any]]) -> Callable[..., Response]:
        @functools.wraps(change)
        def answer(view: OncePerKey, request: Request, **captured: Any) -> Response:
            return view.once(lambda: change(view, request, **captured), secrets=secrets)

        return answer

    return decorate


def _of_file(file: "UploadedFile[bytes]") -> list[str | None]:
    """An uploaded file by its name and content; it can still be read afterwards."""
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return [file.name, digest.hexdigest()]
