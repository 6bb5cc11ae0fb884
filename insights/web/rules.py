"""A household's own settings of insights: each rule on or off, and its thresholds."""

import dataclasses
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from finance import facts as books
from finance.errors import Forbidden
from finance.facts import Role
from insights.models import Kind
from insights.rules.catalogue import RULES
from insights.rules.thresholds import ThresholdsInvalid
from insights.services import set_rule
from insights.switches import Switch, switches_of
from insights.web.access import insights_page, user_of


class RuleForm(forms.Form):
    """A rule's switch and thresholds; amounts in the currencies of `currencies`, the others stay."""

    enabled = forms.BooleanField(label=gettext_lazy("Tell me about this"), required=False)

    def __init__(self, data: QueryDict | None, *, kind: str, switch: Switch, currencies: list[str]) -> None:
        super().__init__(data, prefix=kind)
        self.kind, self.title, self.switch = kind, Kind(kind).label, switch
        self.fields["enabled"].initial = switch.enabled
        self.currencies = currencies
        for field in dataclasses.fields(switch.thresholds):
            said = _(field.metadata["says"])
            said = said[:1].upper() + said[1:]
            value = getattr(switch.thresholds, field.name)
            if field.metadata.get("amounts"):
                for currency in currencies:
                    self.fields[f"{field.name}.{currency}"] = forms.CharField(
                        label=f"{said} ({currency})",
                        required=False,
                        initial=value.get(currency, ""),
                        max_length=30,
                        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
                    )
            else:
                self.fields[field.name] = forms.IntegerField(
                    label=said,
                    initial=value,
                    min_value=field.metadata["least"],
                    max_value=field.metadata["most"],
                )

    def save(self, *, book_id: int) -> bool:
        """Store it; False where a threshold was refused, which is then said at its field."""
        thresholds: dict[str, Any] = {}
        for field in dataclasses.fields(self.switch.thresholds):
            if field.metadata.get("amounts"):
                given = dict(getattr(self.switch.thresholds, field.name))
                for currency in self.currencies:
                    typed = self.cleaned_data[f"{field.name}.{currency}"].strip().replace(",", ".")
                    given.pop(currency, None)
                    if typed:
                        given[currency] = typed
                thresholds[field.name] = given
            else:
                thresholds[field.name] = self.cleaned_data[field.name]
        try:
            set_rule(book_id=book_id, kind=self.kind, enabled=self.cleaned_data["enabled"], thresholds=thresholds)
        except ThresholdsInvalid as error:
            for name, problem in error.problems.items():
                self.add_error(name if name in self.fields else f"{name}.{self.currencies[0]}", problem)
            return False
        return True


@insights_page()
def rules(request: HttpRequest, book: Any) -> HttpResponse:
    """The rules as they run for this book; editors may change them, one at a time."""
    try:
        books.book_for(user=user_of(request), book_id=book.pk, at_least=Role.EDITOR)
        can_change = True
    except Forbidden:
        can_change = False
        if request.method == "POST":
            raise
    asked = request.POST.get("rule", "")
    found = [
        RuleForm(
            request.POST if request.method == "POST" and kind == asked else None,
            kind=kind,
            switch=switch,
            currencies=[book.base_currency],
        )
        for kind, switch in switches_of(book_id=book.pk).items()
    ]
    form = next((form for form in found if form.is_bound), None)
    if form is not None and asked in RULES and form.is_valid() and form.save(book_id=book.pk):
        messages.success(request, _("Saved. The change applies from the next posting on."))
        return redirect("insights:rules", book_id=book.pk)
    return render(request, "insights/rules.html", {"book": book, "forms": found, "can_change": can_change})
