"""Filters of lists. A mistyped filter must not widen a list in silence, so unknown parameters are refused."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from core.api.pagination import PAGE_PARAMETERS

PARAMETERS_OF_EVERY_LIST = frozenset({*PAGE_PARAMETERS, "format"})


class StrictFilterBackend(DjangoFilterBackend):  # type: ignore[misc]
    """django-filter, which also refuses query parameters that no filter declares."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        filterset = self.get_filterset(request, queryset, view)
        known = set(filterset.filters) if filterset is not None else set()
        refuse_unknown_parameters(request, known=known)
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered


def refuse_unknown_parameters(request: Request, *, known: set[str]) -> None:
    """Raise ValidationError naming each query parameter that is unknown here, empty, or given twice.

    `known` are the view's own; those of every list are known always.
    """
    wrong = {
        name: [ErrorDetail(_("Use this parameter only once."), code="invalid")]
        for name, values in request.query_params.lists()
        if len(values) > 1
    }
    for name in sorted(set(request.query_params) - known - PARAMETERS_OF_EVERY_LIST):
        wrong[name] = [ErrorDetail(_("This parameter is unknown."), code="unknown_field")]
    # The form of a browsable page sends what was left empty; from a program it is a variable without a value.
    if request.accepted_renderer.format != "api":
        for name in request.query_params:
            if not request.query_params[name]:
                wrong.setdefault(name, [ErrorDetail(_("This parameter is empty; leave it out."), code="invalid")])
    if wrong:
        raise ValidationError(wrong)
