"""The browsable API; in a module of its own because DRF imports it while its views are still being defined."""

from typing import Any

from rest_framework.renderers import BrowsableAPIRenderer

STRICT_POLICY = "default-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
# DRF's own templates carry a few style attributes, no inline script.
BROWSABLE_POLICY = f"{STRICT_POLICY}; img-src 'self' data:; style-src-attr 'unsafe-inline'"


class BrowsablePages(BrowsableAPIRenderer):
    """The browsable API under a policy that allows its templates and nothing from elsewhere."""

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> Any:
        renderer_context["response"]["Content-Security-Policy"] = BROWSABLE_POLICY
        return super().render(data, accepted_media_type, renderer_context)

    def get_filter_form(self, data: Any, view: Any, request: Any) -> Any:
        """Lists without declared filters have no form; DRF would ask even reports for a queryset."""
        return super().get_filter_form(data, view, request) if hasattr(view, "filterset_class") else None
