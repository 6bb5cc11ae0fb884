import datetime
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from finance.models import WebhookEndpoint
from finance.webhooks.bodies import announced_events, meaning_of
from finance.webhooks.services.rules import LONGEST_DESCRIPTION
from finance.webhooks.targets import LONGEST_URL

ALL, CHOSEN = "all", "chosen"
HOURS = [
    (0, gettext_lazy("not at all")),
    (1, gettext_lazy("for an hour")),
    (24, gettext_lazy("for a day")),
    (168, gettext_lazy("for a week")),
]
DAYS = [
    (1, gettext_lazy("the last day")),
    (7, gettext_lazy("the last week")),
    (30, gettext_lazy("the last 30 days")),
]


class EndpointForm(forms.Form):
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=LONGEST_URL,
        widget=forms.URLInput(attrs={"placeholder": "https://", "autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("Messages are sent here by POST."),
    )
    description = forms.CharField(
        label=gettext_lazy("What is it for?"),
        max_length=LONGEST_DESCRIPTION,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    which = forms.ChoiceField(
        label=gettext_lazy("Events to send"),
        choices=[
            (ALL, gettext_lazy("everything that happens in this book")),
            (CHOSEN, gettext_lazy("selected events")),
        ],
        widget=forms.RadioSelect,
        initial=ALL,
    )
    event_types = forms.MultipleChoiceField(
        label=gettext_lazy("Events"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["event_types"].choices = event_choices()  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("which") == CHOSEN and not cleaned.get("event_types"):
            self.add_error("event_types", gettext_lazy("Choose at least one event."))
        return cleaned

    @property
    def wanted(self) -> dict[str, Any]:
        """As the services take it."""
        chosen: Sequence[str] = self.cleaned_data["event_types"] if self.cleaned_data["which"] == CHOSEN else ()
        given = self.cleaned_data
        return {"url": given["url"], "description": given["description"], "event_types": list(chosen)}


class RotationForm(forms.Form):
    overlap = forms.TypedChoiceField(
        label=gettext_lazy("The present secret stays valid"), choices=HOURS, coerce=int, initial=24
    )

    @property
    def duration(self) -> datetime.timedelta:
        return datetime.timedelta(hours=self.cleaned_data["overlap"])


class ReplayForm(forms.Form):
    days = forms.TypedChoiceField(label=gettext_lazy("Messages that failed in"), choices=DAYS, coerce=int, initial=7)

    @property
    def age(self) -> datetime.timedelta:
        return datetime.timedelta(days=self.cleaned_data["days"])


def form_of(endpoint: WebhookEndpoint) -> EndpointForm:
    """The form as the endpoint is now."""
    return EndpointForm(
        initial={
            "url": endpoint.url,
            "description": endpoint.description,
            "which": CHOSEN if endpoint.event_types else ALL,
            "event_types": endpoint.event_types,
        }
    )


def event_choices() -> list[tuple[str, str]]:
    """Every event with what it means and its name."""
    label = '<span>{} <code class="hook-code muted">{}</code></span>'
    return [(cls.name, format_html(label, meaning_of(cls), cls.name)) for cls in announced_events()]
