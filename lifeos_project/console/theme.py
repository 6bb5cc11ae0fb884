"""The look of the operators' admin: django-unfold's settings. Read with the settings, so no model may be imported here."""

from typing import Any

from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _

# Emerald and slate, as on the household pages. 500 and 600 are a step darker than their names, for contrast with white.
_EMERALD = {
    "50": "oklch(97.9% .021 166.113)",
    "100": "oklch(95% .052 163.051)",
    "200": "oklch(90.5% .093 164.15)",
    "300": "oklch(84.5% .143 164.978)",
    "400": "oklch(76.5% .177 163.223)",
    "500": "oklch(69.6% .17 162.48)",
    "600": "oklch(50.8% .118 165.612)",
    "700": "oklch(43.2% .095 166.913)",
    "800": "oklch(37.8% .077 168.94)",
    "900": "oklch(32% .064 170.5)",
    "950": "oklch(26.2% .051 172.552)",
}
_SLATE = {
    "50": "oklch(98.4% .003 247.858)",
    "100": "oklch(96.8% .007 247.896)",
    "200": "oklch(92.9% .013 255.508)",
    "300": "oklch(86.9% .022 252.894)",
    "400": "oklch(70.4% .04 256.788)",
    "500": "oklch(55.4% .046 257.417)",
    "600": "oklch(44.6% .043 257.281)",
    "700": "oklch(37.2% .044 257.287)",
    "800": "oklch(27.9% .041 260.031)",
    "900": "oklch(20.8% .042 265.755)",
    "950": "oklch(12.9% .042 264.695)",
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "LifeOS",
    "SITE_HEADER": "LifeOS",
    "SITE_SUBHEADER": _("Operation"),
    "SITE_URL": "/",
    "SITE_SYMBOL": "account_balance_wallet",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("lifeos/favicon.svg")},
    ],
    "SHOW_HISTORY": True,
    "SHOW_BACK_BUTTON": True,
    "ENVIRONMENT": "lifeos_project.console.menu.environment",
    "DASHBOARD_CALLBACK": "lifeos_project.console.landing_page.dashboard",
    "STYLES": [lambda request: static("lifeos/admin.css")],
    "BORDER_RADIUS": "6px",
    "COLORS": {"primary": _EMERALD, "base": _SLATE},
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": "lifeos_project.console.menu.navigation",
    },
}
