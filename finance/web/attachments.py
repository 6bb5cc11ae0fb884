"""Receipts on the page of their entry."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from finance.attachments import selectors, services
from finance.attachments.serving import file_answer, thumbnail_answer
from finance.errors import FinanceError
from finance.ledger.selectors import entry_for
from finance.models import Book, JournalEntry, Role
from finance.web.access import book_page, user_of


@require_POST
@book_page(at_least=Role.EDITOR)
def attach(request: HttpRequest, book: Book, uid: uuid.UUID) -> HttpResponse:
    """Attach the files that were chosen, dropped or photographed; each that is refused is named with the reason."""
    entry = entry_for(book=book, uid=uid)
    attached = 0
    files: list[UploadedFile[Any]] = request.FILES.getlist("file")
    for file in files:
        try:
            services.attach(entry=entry, actor=user_of(request), data=file.read(), file_name=file.name or "")
            attached += 1
        except FinanceError as error:
            messages.error(request, f"{file.name}: {error.detail}")
    if attached:
        messages.success(request, ngettext("%(n)d file attached.", "%(n)d files attached.", attached) % {"n": attached})
    elif not files:
        messages.error(request, _("Choose a picture or a PDF first."))
    return redirect("web:entry", book.pk, uid)


@require_safe
@book_page()
def file(request: HttpRequest, book: Book, attachment_id: int) -> HttpResponse:
    """The file as it was uploaded."""
    return file_answer(request, selectors.attachment_for(book=book, attachment_id=attachment_id))


@require_safe
@book_page()
def thumbnail(request: HttpRequest, book: Book, attachment_id: int) -> HttpResponse:
    """Its small picture."""
    return thumbnail_answer(request, selectors.attachment_for(book=book, attachment_id=attachment_id))


@require_POST
@book_page(at_least=Role.EDITOR)
def remove(request: HttpRequest, book: Book, attachment_id: int) -> HttpResponse:
    """Take a file off its entry."""
    found = selectors.attachment_for(book=book, attachment_id=attachment_id)
    services.remove(attachment=found, actor=user_of(request))
    messages.success(request, _("%(name)s was removed.") % {"name": found.file_name})
    uid = request.POST.get("entry", "")
    try:
        return redirect("web:entry", book.pk, uuid.UUID(uid))
    except ValueError:
        return redirect("web:entry", book.pk, JournalEntry.objects.get(pk=found.entry_id).uid)
