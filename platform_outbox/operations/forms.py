"""A form for the parameters of an operation, made from its parameters class."""

import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from platform_outbox.operations.parameters import Parameter, parameters_of
from platform_outbox.operations.registry import Operation


def form_for(operation: Operation) -> type[forms.Form]:
    """A form class with one field per parameter, and one for the dry run where there is one."""
    fields: dict[str, Any] = {each.name: _field(each) for each in parameters_of(operation.parameters)}
    if operation.dry_run:
        fields["dry_run"] = forms.BooleanField(
            label=_("Dry run: tell what would be done, change nothing"),
            required=False,
            initial=True,
            widget=UnfoldBooleanSwitchWidget,
        )
    return type("OperationForm", (forms.Form,), fields)


def _field(parameter: Parameter) -> forms.Field:
    common: dict[str, Any] = {
        "label": parameter.label,
        "help_text": parameter.says,
        "required": parameter.required,
        "initial": parameter.default,
    }
    if parameter.file:
        return forms.FileField(**common, widget=UnfoldAdminFileFieldWidget)
    if parameter.kind is bool:
        return forms.BooleanField(**{**common, "required": False}, widget=UnfoldBooleanSwitchWidget)
    if parameter.kind is int:
        return forms.IntegerField(**common, widget=UnfoldAdminIntegerFieldWidget)
    if parameter.kind is datetime.date:
        return forms.DateField(**common, widget=UnfoldAdminDateWidget(attrs={"type": "date"}))
    if parameter.choices:
        blank = [] if parameter.required else [("", "–")]
        choices = [*blank, *((choice, choice) for choice in parameter.choices)]
        return forms.ChoiceField(**common, choices=choices, widget=UnfoldAdminSelectWidget)
    return forms.CharField(**common, max_length=500, widget=UnfoldAdminTextInputWidget)
