"""Swagger UI and Redoc, served from here under a policy of their own."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView

from lifeos_project.api.browsable import STRICT_POLICY

# Swagger UI and Redoc write style elements; Redoc searches in a worker made from a blob.
DOCS_POLICY = (
    f"{STRICT_POLICY}; img-src 'self' data:; font-src 'self' data:; style-src 'self' 'unsafe-inline'; worker-src blob:"
)


class SwaggerPage(SpectacularSwaggerSplitView):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return _with_docs_policy(super().dispatch(request, *args, **kwargs))


class RedocPage(SpectacularRedocView):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return _with_docs_policy(super().dispatch(request, *args, **kwargs))


def _with_docs_policy(response: HttpResponseBase) -> HttpResponseBase:
    response["Content-Security-Policy"] = DOCS_POLICY
    return response
