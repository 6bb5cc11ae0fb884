"""Draws the options of a select list without a template for each: a list of accounts or time zones has hundreds."""

from collections.abc import Mapping
from typing import Any, cast

from django.forms.renderers import DjangoTemplates
from django.http import HttpRequest
from django.utils.formats import localize
from django.utils.html import conditional_escape, escape
from django.utils.safestring import SafeString, mark_safe

_SELECT, _OPTION = "django/forms/widgets/select.html", "django/forms/widgets/select_option.html"


class Renderer(DjangoTemplates):
    """Django's own renderer of forms, quicker for select lists; what it draws is the same but for white space."""

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> SafeString:
        """The widget as HTML."""
        widget = context.get("widget", {})
        if template_name != _SELECT or any(
            option["template_name"] != _OPTION for _, options, _ in widget["optgroups"] for option in options
        ):
            return cast(SafeString, super().render(template_name, context, request))
        groups = (_group(name, options) for name, options, _ in widget["optgroups"])
        opening = f'<select name="{escape(widget["name"])}"{_attributes(widget["attrs"])}>'
        return mark_safe(f"{opening}{''.join(groups)}</select>")  # noqa: S308  # each part is escaped


def _group(name: Any, options: list[dict[str, Any]]) -> str:
    drawn = "".join(
        f'<option value="{escape(str(option["value"]))}"{_attributes(option["attrs"])}>'
        f"{conditional_escape(localize(option['label']))}</option>"
        for option in options
    )
    return f'<optgroup label="{conditional_escape(name)}">{drawn}</optgroup>' if name else drawn


def _attributes(attributes: Mapping[str, Any]) -> str:
    return "".join(
        f" {escape(name)}" if value is True else f' {escape(name)}="{conditional_escape(value)}"'
        for name, value in attributes.items()
        if value is not False
    )
