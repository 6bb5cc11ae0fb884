"""Tables as answers: CSV goes out as it is read, a sheet is made first."""

from collections.abc import Iterator

from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.text import slugify

from finance.sheets import CONTENT_TYPES, FileTable, as_csv, as_sheet

_PIECE = 32 * 1024


def served(table: FileTable, *, file_format: str, name: str, mark: bool = True) -> HttpResponseBase:
    """The table as "csv" or "xlsx", to be saved under the name and the ending.

    `mark`: Excel takes a CSV file without one for a file of another encoding. Raises Invalid for too large a sheet.
    """
    answer: HttpResponseBase
    if file_format == "csv":
        answer = StreamingHttpResponse(_pieces(table, mark=mark), content_type=CONTENT_TYPES["csv"])
    else:
        answer = FileResponse(as_sheet(table), content_type=CONTENT_TYPES["xlsx"])
    file_name = f"{slugify(name, allow_unicode=True) or 'rows'}.{file_format}"
    answer["Content-Disposition"] = content_disposition_header(True, file_name) or "attachment"
    return answer


def _pieces(table: FileTable, *, mark: bool) -> Iterator[str]:
    """Some hundred rows at a time: each piece is a write to the network."""
    waiting = ["\ufeff"] if mark else []
    size = 0
    for row in as_csv(table):
        waiting.append(row)
        size += len(row)
        if size >= _PIECE:
            yield "".join(waiting)
            waiting, size = [], 0
    yield "".join(waiting)
