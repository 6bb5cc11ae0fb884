"""The request class of the web processes: headers and addresses that Django or DRF would fail on never reach them."""

from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.http.multipartparser import MultiPartParserError
from django.utils.http import parse_header_parameters

# Forms and JSON are read as UTF-8, and US-ASCII is a part of it. Other names may be codecs that are no text at all.
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode().decode("latin-1")  # as WSGI hands over what is UTF-8
CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


class TolerantRequest(WSGIRequest):
    """A body whose type cannot be read is bytes of no known type (415 from the API); such an Accept takes anything."""

    def __init__(self, environ: dict[str, Any]) -> None:
        if not _readable(environ.get("CONTENT_TYPE", "")):
            environ["CONTENT_TYPE"] = "application/octet-stream"
        if not all(_readable(each) for each in environ.get("HTTP_ACCEPT", "").split(",")):
            environ["HTTP_ACCEPT"] = "*/*"
        # PostgreSQL has no text with a NUL. It is read as HTML does; in its parameters the API refuses it by name.
        environ["PATH_INFO"] = environ.get("PATH_INFO", "").replace("\0", _REPLACEMENT)
        if not environ["PATH_INFO"].startswith("/api/"):
            environ["QUERY_STRING"] = environ.get("QUERY_STRING", "").replace("%00", "%EF%BF%BD")
        super().__init__(environ)

    def parse_file_upload(self, META: Any, post_data: Any) -> Any:  # noqa: N803  # Django's name
        try:
            return super().parse_file_upload(META, post_data)
        except LookupError as error:  # a part's header names a codec that is no text encoding
            raise MultiPartParserError("A part of the form names an unknown encoding.") from error


def _readable(header: str) -> bool:
    """Whether the parameters can be decoded (RFC 2231 lets each name its codec) and the charset is ours."""
    try:
        _value, parameters = parse_header_parameters(header)
    except (LookupError, ValueError):
        return False
    return parameters.get("charset", "utf-8").lower() in CHARSETS
