"""Refunds for operators: which entry gives back which. Members change them on the pages of their book."""

from django.contrib import admin
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from finance.admin.reading import Uncounted
from finance.models import Refund
from platform_outbox.admin.base import ReadOnly


@admin.register(Refund)
class RefundAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("refund_id", "purchase_id", "book", "linked_by", "linked_at")
    list_select_related = ("book", "linked_by")
    list_filter = (("book", AutocompleteSelectFilter),)
    list_filter_submit = True
    ordering = ("-pk",)
    fields = readonly_fields = ("refund_id", "purchase_id", "book", "linked_by", "linked_at")
