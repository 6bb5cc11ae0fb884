"""Changes of entries and templates for operators: what was corrected, by whom and when. Households change them."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from finance.admin.reading import Uncounted
from finance.models import Change, EntryTemplate, TransferFee
from platform_outbox.admin.base import ReadOnly


@admin.register(Change)
class ChangeAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = (
        "pk",
        "book",
        "action",
        "entry_count",
        "left_count",
        "redated_count",
        "made_by",
        "made_at",
        "undoes",
    )
    list_select_related = ("book", "made_by", "undoes")
    list_filter = (("book", AutocompleteSelectFilter), "action")
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("=pk",)
    search_help_text = _("Number")
    fields = readonly_fields = (
        *("book", "action", "asked", "undoes", "entry_count", "redated_to", "redated_count", "left_count", "left"),
        *("made_by", "made_at"),
    )


@admin.register(EntryTemplate)
class EntryTemplateAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("name", "book", "payee", "created_by", "created_at")
    list_select_related = ("book", "created_by")
    list_filter = (("book", AutocompleteSelectFilter),)
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("name", "=pk")
    search_help_text = _("Name or number")
    fields = readonly_fields = ("book", "name", "payee", "description", "lines", "created_by", "created_at")


@admin.register(TransferFee)
class TransferFeeAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("account", "book", "category", "saved_by", "saved_at")
    list_select_related = ("book", "account", "category", "saved_by")
    list_filter = (("book", AutocompleteSelectFilter),)
    list_filter_submit = True
    ordering = ("-pk",)
    fields = readonly_fields = (
        *("book", "account", "category", "fixed", "fixed_up_to", "share", "minimum", "maximum"),
        *("saved_by", "saved_at"),
    )
