"""The operators' view of insights: what was raised (read only), and the rules' switches with a preview."""

import dataclasses
import json
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as translated
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from core.clock import today_in
from finance import facts as books
from insights import history
from insights.models import Insight, InsightEvidence, Kind, MutedPayee, RuleSetting
from insights.rules.catalogue import RULES
from insights.rules.thresholds import ThresholdsInvalid
from insights.sentences import sentence
from insights.switches import switches_of
from platform_outbox.admin.base import ReadOnly, ShownLookups


class EvidenceInline(ReadOnly, TabularInline):
    model = InsightEvidence
    fields = ("position", "role", "entry_id", "date", "amount", "currency", "expected_on")
    readonly_fields = fields
    ordering = ("position",)
    per_page = 100
    extra = 0


@admin.register(Insight)
class InsightAdmin(ReadOnly, ModelAdmin):
    list_display = ("sentence", "book", "kind", "shown_severity", "state", "subject_date", "raised_at")
    list_filter = ("state", "kind", "severity")
    list_select_related = ("book",)
    search_fields = ("payee", "dedup_key")
    search_help_text = _("Payee, or the finding's name")
    ordering = ("-raised_at", "-pk")
    list_per_page = 50
    # Counting all rows of a big installation for the sake of a page number is a scan of them all.
    show_full_result_count = False
    inlines = (EvidenceInline,)
    fields = (
        "sentence",
        "book",
        "kind",
        "rule_version",
        "severity",
        "state",
        "state_changed_at",
        "state_changed_by",
        "snoozed_until",
        "subject_date",
        "expires_on",
        "raised_at",
        "last_raised_at",
        "event_id",
        "dedup_key",
        "shown_thresholds",
        "shown_figures",
    )
    readonly_fields = fields

    @display(description=_("severity"), label={"warning": "danger", "notice": "warning", "info": "info"})
    def shown_severity(self, insight: Insight) -> tuple[str, str]:
        return insight.severity, insight.get_severity_display()

    @display(description=_("thresholds in force"))
    def shown_thresholds(self, insight: Insight) -> str:
        return json.dumps(insight.thresholds, ensure_ascii=False, indent=2)

    @display(description=_("figures"))
    def shown_figures(self, insight: Insight) -> str:
        return json.dumps(insight.params, ensure_ascii=False, indent=2)


@admin.register(MutedPayee)
class MutedPayeeAdmin(ShownLookups, ModelAdmin):
    """Deleting a row unmutes the payee for the household."""

    list_display = ("payee", "kind", "book", "muted_by", "muted_at")
    list_filter = ("kind",)
    list_select_related = ("book", "muted_by")
    search_fields = ("payee",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class RuleSettingForm(forms.ModelForm):  # type: ignore[type-arg]
    """An empty switch inherits; it is not "unknown"."""

    enabled = forms.TypedChoiceField(
        label=_("switched on"),
        choices=[("", _("as inherited")), ("true", _("on")), ("false", _("off"))],
        coerce=lambda text: text == "true",
        empty_value=None,
        required=False,
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = RuleSetting
        fields = ("kind", "book", "enabled", "thresholds")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(self.instance.enabled, bool):
            self.initial["enabled"] = "true" if self.instance.enabled else "false"


@admin.register(RuleSetting)
class RuleSettingAdmin(ModelAdmin):
    """Switches and thresholds, for the installation or for one book."""

    form = RuleSettingForm
    list_before_template = "insights/admin/rules.html"
    empty_text = _("No settings: every rule uses its default thresholds.")
    list_display = ("kind", "shown_book", "enabled", "shown_thresholds", "changed_at", "preview_link")
    list_filter = ("kind",)
    list_select_related = ("book",)
    ordering = ("kind", "book_id")
    fields = ("kind", "book", "enabled", "thresholds", "known_thresholds", "preview_link")
    readonly_fields = ("known_thresholds", "preview_link")
    raw_id_fields = ("book",)

    @display(description=_("for"))
    def shown_book(self, setting: RuleSetting) -> str:
        return str(setting.book) if setting.book else str(_("all books"))

    @display(description=_("thresholds"))
    def shown_thresholds(self, setting: RuleSetting) -> str:
        return json.dumps(setting.thresholds, ensure_ascii=False) if setting.thresholds else "–"

    @display(description=_("what can be set"))
    def known_thresholds(self, setting: RuleSetting) -> SafeString:
        """Names, meanings and defaults of the rule's thresholds; of all rules, before one is chosen."""
        kinds = [setting.kind] if setting.kind in RULES else list(RULES)
        return format_html_join(
            "",
            "<p><strong>{}</strong> {}: {} ({} {})</p>",
            (
                (
                    kind,
                    field.name,
                    translated(field.metadata["says"]),
                    _("default"),
                    json.dumps(getattr(rule.settings(), field.name)),
                )
                for kind in kinds
                for rule in [RULES[kind]]
                for field in dataclasses.fields(rule.settings)
            ),
        )

    @display(description=_("preview"))
    def preview_link(self, setting: RuleSetting) -> SafeString:
        query = urlencode({"kind": setting.kind, "setting": setting.pk or ""})
        url = reverse("admin:insights_rulesetting_preview")
        return format_html('<a class="text-primary-600" href="{}?{}">{}</a>', url, query, _("What would it raise?"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The rules as they run for books without settings of their own, then what was set."""
        add = reverse("admin:insights_rulesetting_add") if self.has_add_permission(request) else ""
        rules = [
            {
                "title": Kind(kind).label,
                "state": translated("on") if switch.enabled else translated("off"),
                "add_url": f"{add}?{urlencode({'kind': kind})}" if add else "",
            }
            for kind, switch in switches_of(book_id=None).items()
        ]
        context = {**(extra_context or {}), "rules": rules, "rules_off": not settings.ENABLE_INSIGHTS}
        page: HttpResponse = super().changelist_view(request, context)
        return page

    def get_readonly_fields(self, request: HttpRequest, obj: RuleSetting | None = None) -> tuple[str, ...]:
        # A setting is of one rule and one book; another one is another row.
        return (*self.readonly_fields, "kind", "book") if obj else self.readonly_fields

    def get_urls(self) -> list[URLPattern]:
        preview = path("preview/", self.admin_site.admin_view(self.preview), name="insights_rulesetting_preview")
        return [preview, *super().get_urls()]

    def preview(self, request: HttpRequest) -> HttpResponse:
        """What thresholds would have raised in a book over the last months. Changes nothing.

        It tells what a household spent, so seeing the rules is not enough.
        """
        if not (self.has_view_permission(request) and request.user.has_perm("insights.view_insight")):
            raise PermissionDenied
        pk = request.GET.get("setting", "")
        found: QuerySet[RuleSetting] = RuleSetting.objects.filter(pk=int(pk) if pk.isdecimal() else 0)
        setting = found.first()
        kind = request.GET.get("kind", "")
        form = PreviewForm(
            request.GET if "book" in request.GET else None,
            initial={
                "kind": kind if kind in RULES else Kind.UNUSUAL_AMOUNT,
                "thresholds": setting.thresholds if setting else {},
                "book": setting.book_id if setting else None,
                "months": 12,
            },
        )
        shown = form.preview() if form.is_bound and form.is_valid() else None
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "media": self.media + form.media,
            "title": _("What would it raise?"),
            "form": form,
            "preview": shown,
            "rows": [(each.subject_date, sentence(each.template, each.params)) for each in shown.findings]
            if shown
            else [],
        }
        return TemplateResponse(request, "insights/admin/preview.html", context)


class PreviewForm(forms.Form):
    """Which rule, which book, which thresholds, how far back."""

    kind = forms.ChoiceField(label=_("rule"), choices=Kind.choices, widget=UnfoldAdminSelectWidget)
    book = forms.IntegerField(label=_("number of the book"), min_value=1, widget=UnfoldAdminIntegerFieldWidget)
    months = forms.IntegerField(label=_("months back"), min_value=1, max_value=24, widget=UnfoldAdminIntegerFieldWidget)
    thresholds = forms.JSONField(
        label=_("thresholds"),
        required=False,
        widget=UnfoldAdminTextareaWidget,
        help_text=_("Thresholds that differ from the rule's defaults, as JSON."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        cleaned["thresholds"] = cleaned.get("thresholds") or {}
        kind, book_id = cleaned.get("kind"), cleaned.get("book")
        if kind in RULES:
            try:
                RULES[kind].settings.read(cleaned["thresholds"])
            except ThresholdsInvalid as error:
                self.add_error("thresholds", [f"{name}: {said}" for name, said in error.problems.items()])
        if book_id is not None and book_id not in books.books(book_ids=[book_id]):
            self.add_error("book", _("There is no such book."))
        return cleaned

    def preview(self) -> history.Preview:
        book = books.books(book_ids=[self.cleaned_data["book"]])[self.cleaned_data["book"]]
        return history.preview(
            book_id=book.pk,
            kind=self.cleaned_data["kind"],
            thresholds=self.cleaned_data["thresholds"],
            on=today_in(book),
            months=self.cleaned_data["months"],
        )
