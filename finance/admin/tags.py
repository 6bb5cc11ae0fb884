"""Tags for operators: what a book has. Households change them."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from finance.admin.reading import Uncounted
from finance.models import Tag
from platform_outbox.admin.base import ReadOnly


@admin.register(Tag)
class TagAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("name", "book", "colour", "created_at")
    list_select_related = ("book",)
    list_filter = (("book", AutocompleteSelectFilter),)
    list_filter_submit = True
    ordering = ("-pk",)
    search_fields = ("name", "=pk")
    search_help_text = _("Name or number")
    fields = readonly_fields = ("name", "book", "colour", "created_at")
