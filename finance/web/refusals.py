"""Shows an error of the books at a form's fields."""

from collections.abc import Mapping

from django import forms

from finance.errors import FinanceError, ReconciledRow


def refuse(form: forms.Form, error: FinanceError, *, fields: Mapping[str, str] | None = None) -> None:
    """Show the error at the fields that it names; `fields` translates the service's names into the form's.

    What names no field of the form is said above it. Where a reconciled row would change, the form then also asks
    whether its statement may be reopened (forms/problems.html).
    """
    if isinstance(error, ReconciledRow):
        form.asks_reopen = True  # type: ignore[attr-defined]
    names = fields or {}
    placed = False
    for path, sentence in error.fields.items():
        name = names.get(path, path)
        if name in form.fields:
            form.add_error(name, sentence)
            placed = True
    if not placed:
        form.add_error(None, error.detail)
