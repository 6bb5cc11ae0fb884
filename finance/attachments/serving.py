"""Answers that carry a stranger's file: never a page of ours, whatever the file pretends to be."""

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header

from finance.attachments import selectors
from finance.attachments.kinds import SHOWN_AS_PICTURE
from finance.attachments.models import Attachment

# No script, no form, no plug-in, an origin of its own.
_POLICY = "sandbox; default-src 'none'; img-src 'self'; style-src 'unsafe-inline'"


def file_answer(request: HttpRequest, attachment: Attachment) -> HttpResponse:
    """The file; pictures are shown in the browser, the rest is saved. 304 where the browser has it."""
    picture = SHOWN_AS_PICTURE[attachment.content_type]
    return _answer(request, attachment, name=attachment.file_name, kind=attachment.content_type, saved=not picture)


def thumbnail_answer(request: HttpRequest, attachment: Attachment) -> HttpResponse:
    """The small picture, a JPEG. Raises NotFound."""
    return _answer(request, attachment, name="thumbnail.jpg", kind="image/jpeg", saved=False, small=True)


def _answer(
    request: HttpRequest, attachment: Attachment, *, name: str, kind: str, saved: bool, small: bool = False
) -> HttpResponse:
    etag = f'"{attachment.sha256}{"-small" if small else ""}"'
    answer = get_conditional_response(request, etag=etag)
    if not isinstance(answer, HttpResponse):
        read = selectors.thumbnail_of if small else selectors.content_of
        answer = HttpResponse(read(attachment=attachment), content_type=kind)
        answer["Content-Disposition"] = content_disposition_header(saved, name) or "attachment"
    answer["ETag"] = etag
    # The browser keeps it, and checks each time that it may still show it.
    answer["Cache-Control"] = "private, no-cache"
    answer["Content-Security-Policy"] = _POLICY
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cross-Origin-Resource-Policy"] = "same-origin"
    return answer
