"""The Content-Security-Policy: strict for our pages, looser exactly where a packaged page cannot live with it."""

from typing import Any

from csp.constants import NONCE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponseBase

# Each key a prefix of paths; each value replaces the named directives of CONTENT_SECURITY_POLICY.
RELAXED: dict[str, dict[str, list[Any]]] = {
    # Unfold: Alpine evaluates the expressions in its attributes, Chart.js and widgets set inline styles.
    "/admin/": {"script-src": [SELF, NONCE, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]},
    # Swagger UI and Redoc start from an inline script and inject styles; Redoc searches in a worker.
    "/api/docs/": {"script-src": [SELF, UNSAFE_INLINE], "style-src": [SELF, UNSAFE_INLINE]},
    "/api/redoc/": {
        "script-src": [SELF, UNSAFE_INLINE],
        "style-src": [SELF, UNSAFE_INLINE],
        "worker-src": [SELF, "blob:"],
    },
    # DRF's browsable API carries inline scripts and styles without nonces.
    "/api/v1/": {"script-src": [SELF, UNSAFE_INLINE], "style-src": [SELF, UNSAFE_INLINE]},
}


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """django-csp with one policy per part of the site; a view's own decorators still come last."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request=request, response=response, report_only=report_only)
        for prefix, directives in RELAXED.items():
            if request.path_info.startswith(prefix):
                parts.replace = {**directives, **(parts.replace or {})}
        return parts
