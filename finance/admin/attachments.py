"""Attachments for operators: names, sizes and who added or removed them, never the bytes."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from finance.admin.reading import Uncounted
from finance.models import Attachment
from platform_outbox.admin.base import ReadOnly


@admin.register(Attachment)
class AttachmentAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("file_name", "book", "content_type", "size", "added_by", "added_at", "removed_at")
    list_select_related = ("book", "added_by")
    list_filter = (("book", AutocompleteSelectFilter), "content_type")
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("=sha256", "=pk")
    search_help_text = _("SHA-256 of the file, or number")
    fields = readonly_fields = (
        *("file_name", "book", "entry", "content_type", "size", "sha256", "has_thumbnail", "added_by", "added_at"),
        *("removed_by", "removed_at"),
    )
