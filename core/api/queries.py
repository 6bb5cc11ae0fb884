"""Query parameters of views that are not a filtered queryset, read as strictly as a body."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from core.api.filters import refuse_unknown_parameters
from core.api.pagination import page_parameters
from core.api.serializers import StrictSerializer


class QuerySerializer(StrictSerializer):
    """Declares query parameters; in OpenAPI they are named one by one."""

    of_text = True


# The parameters of a page for the OpenAPI document of views that page by themselves.
PAGE_PARAMETERS = [
    OpenApiParameter(name=each["name"], type=each["schema"], description=each["description"])
    for each in page_parameters()
]


def query_of(request: Request, serializer_class: type[QuerySerializer]) -> dict[str, Any]:
    """The checked query parameters without those of every list. Raises ValidationError."""
    known = set(serializer_class().fields)
    refuse_unknown_parameters(request, known=known)
    given = {name: request.query_params[name] for name in known & set(request.query_params)}
    serializer = serializer_class(data=given)
    serializer.is_valid(raise_exception=True)
    checked: dict[str, Any] = serializer.validated_data
    return checked
