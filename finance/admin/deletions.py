"""Which books were deleted, by whom and when, and what was erased. It outlives the books."""

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import display

from core.formatting import count_text
from finance.admin.reading import Uncounted
from finance.ledger.services.erasing import COUNTED
from finance.models import BookDeletion
from platform_outbox.admin.base import ReadOnly, State

_STATES = {"waiting": "warning", "restored": "success", "erasing": "info", "erased": "danger"}


@admin.register(BookDeletion)
class BookDeletionAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("name", "book_number", "shown_state", "deleted_by", "deleted_at", "erase_at", "erased_at")
    list_fullwidth = True
    ordering = ("-pk",)
    search_fields = ("name", "=book_number", "deleted_by")
    search_help_text = gettext_lazy("Name or number of the book, or e-mail address")
    fields = readonly_fields = (
        *("name", "book_number", "is_demo", "shown_state", "deleted_by", "deleted_at", "erase_at", "restored_by"),
        *("restored_at", "started_at", "erased_at", "seals", "head", "shown_counts"),
    )

    @display(description=gettext_lazy("state"), label=_STATES)
    def shown_state(self, deletion: BookDeletion) -> State:
        if deletion.restored_at is not None:
            return State("restored", _("restored"))
        if deletion.erased_at is not None:
            return State("erased", _("erased"))
        if deletion.started_at is not None:
            return State("erasing", _("being erased"))
        return State("waiting", _("can be restored"))

    @display(description=gettext_lazy("rows erased"))
    def shown_counts(self, deletion: BookDeletion) -> str:
        first = list(COUNTED.values())
        tables = sorted(deletion.counts, key=lambda table: (table not in first, table))
        rows = ((table, count_text(deletion.counts[table])) for table in tables)
        return format_html("{}", format_html_join("", "<p>{}: {}</p>", rows)) if tables else _("none")
