import re

from django import forms
from django.forms.renderers import DjangoTemplates
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from lifeos_project.console.select_lists import Renderer

CHOICES = [
    ("", "–––"),
    (1, 2.5),
    ('"><script>', "<b>bold</b>"),
    ("safe", mark_safe("<i>kept</i>")),
    (True, gettext_lazy("Food")),
    ("Grouped & more", [("a&b", "A & B"), (None, "nothing")]),
]


def drawn(widget, value, renderer):
    html = widget.render("a<b", value, attrs={"id": 'x"y', "required": True, "disabled": False}, renderer=renderer)
    return re.sub(r">\s+", ">", re.sub(r"\s+<", "<", html)).strip()


def test_a_list_is_drawn_as_django_draws_it():
    for value in ("", 1, '"><script>', "a&b", True, "unknown"):
        widget = forms.Select(choices=CHOICES)
        assert drawn(widget, value, Renderer()) == drawn(widget, value, DjangoTemplates())
    widget = forms.SelectMultiple(choices=CHOICES)
    assert drawn(widget, [1, "safe"], Renderer()) == drawn(widget, [1, "safe"], DjangoTemplates())


def test_options_with_a_template_of_their_own_keep_it():
    class Own(forms.Select):
        option_template_name = "django/forms/widgets/input.html"

    assert "<input" in drawn(Own(choices=[("a", "A")]), "a", Renderer())
