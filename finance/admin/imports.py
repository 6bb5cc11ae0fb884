"""Imports for operators: everything can be read but the files' content, and a confirmed import can be undone."""

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from core.clock import today_in
from finance.bank_statements import undo_import
from finance.errors import FinanceError
from finance.imports.models import ImportBatch, ImportRow, ImportStatement
from platform_outbox.admin.base import Question, ReadOnly, State, ask, is_confirmed, note

MOST_AT_ONCE = 20
_COLOURS = {"staged": "warning", "received": "info", "confirmed": "success", "refused": "danger", "undone": "info"}


class StatementInline(ReadOnly, TabularInline):
    model = ImportStatement
    fields = readonly_fields = ("external_account", "label", "account", "currency", "start", "end", "balance_break")
    extra = 0


@admin.register(ImportBatch)
class ImportBatchAdmin(ReadOnly, ModelAdmin):
    list_display = ("file_name", "book", "account", "shown_state", "rows_total", "errors", "created_by", "created_at")
    list_filter = ("state", "format", "created_at")
    search_fields = ("file_name", "=sha256", "book__name")
    search_help_text = _("File, book or SHA-256 of the file")
    show_full_result_count = False
    list_per_page = 50
    actions = ("undo",)
    inlines = (StatementInline,)
    fields = readonly_fields = (
        *("file_name", "book", "account", "shown_state", "format", "size", "sha256", "problem", "notes", "profile"),
        *("rows_total", "rows_done", "errors", "created_by", "created_at", "confirmed_by", "confirmed_at"),
        *("opening_entry", "undone_by", "undone_at", "kept"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportBatch]:
        batches = ImportBatch.objects.without_content().select_related("book", "account", "created_by")
        errors = Count("rows", filter=Q(rows__fate=ImportRow.Status.ERROR))
        return batches.annotate(error_rows=errors).order_by("-pk")

    def has_undo_permission(self, request: HttpRequest) -> bool:
        """Undoing writes into a household's books, so looking is not enough."""
        return request.user.has_perm("finance.change_importbatch")

    @display(description=_("state"), label=_COLOURS)
    def shown_state(self, batch: ImportBatch) -> State:
        return State(batch.state, batch.get_state_display())

    @display(description=_("errors"))
    def errors(self, batch: ImportBatch) -> int:
        return int(getattr(batch, "error_rows", 0))

    @admin.action(description=_("Undo imports"), permissions=["undo"])
    def undo(self, request: HttpRequest, queryset: QuerySet[ImportBatch]) -> HttpResponse | None:
        """Reverse the entries that nobody has changed since, after a page that says how many they are."""
        chosen = list(queryset.filter(state=ImportBatch.State.CONFIRMED).order_by("pk")[:MOST_AT_ONCE])
        if not chosen:
            self.message_user(request, _("Only confirmed imports can be undone."), messages.WARNING)
            return None
        if not is_confirmed(request):
            posted = Count("pk", filter=Q(outcome=ImportRow.Outcome.POSTED))
            numbers = dict(ImportRow.objects.filter(batch__in=chosen).values_list("batch").annotate(number=posted))
            count = len(chosen)
            question = Question(
                title=_("Undo imports"),
                consequence=ngettext(
                    "%(count)d import will be undone. Entries that nobody changed since are reversed; the others stay and are "
                    "listed at the import. The rows can then be imported again.",
                    "%(count)d imports will be undone. Entries that nobody changed since are reversed; the others stay and are "
                    "listed at the import. The rows can then be imported again.",
                    count,
                )
                % {"count": count},
                button=_("Undo"),
                back=reverse("admin:finance_importbatch_changelist"),
                columns=[_("File"), _("Book"), _("Account"), _("Entries posted")],
                rows=[(batch.file_name, batch.book, batch.account, numbers.get(batch.pk, 0)) for batch in chosen],
                hidden=[("action", "undo"), *(("_selected_action", batch.pk) for batch in chosen)],
            )
            return ask(request, self, question)
        for batch in chosen:
            try:
                undone = undo_import(batch=batch, actor=request.user, on=today_in(batch.book))  # type: ignore[arg-type]
            except FinanceError as error:
                self.message_user(request, f"{batch.file_name}: {error.detail}", messages.ERROR)
                continue
            note(request, batch, "undo")
            said = ngettext(
                "%(file)s is undone; %(kept)d entry was left as it is.",
                "%(file)s is undone; %(kept)d entries were left as they are.",
                len(undone.kept),
            )
            self.message_user(request, said % {"file": batch.file_name, "kept": len(undone.kept)}, messages.SUCCESS)
        return None
