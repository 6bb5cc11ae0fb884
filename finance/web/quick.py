"""Quick entry: one amount, one category, from a phone, also without a connection.

The page sends entries to the API with an Idempotency-Key of their own, and keeps on the device what could not be sent.
It is the only page that works offline; reading the books needs the server.
"""

from pathlib import Path

from django.contrib.auth.decorators import login_required
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from core.clock import today_in
from finance import money
from finance.ledger.selectors import accounts_of, paths_of
from finance.models import Account, AccountKind, AccountType, Book, Membership, Role
from finance.web.access import book_page, user_of
from finance.web.wealth import everyday_accounts


@require_safe
@login_required
def quick(request: HttpRequest) -> HttpResponse:
    """The quick entry of the book that the user joined last and may write in; where an installed LifeOS begins."""
    mine = Membership.objects.filter(user=user_of(request), book__deleted_at=None)
    writable = mine.filter(role__in=(Role.EDITOR, Role.OWNER))
    membership = writable.order_by("-created_at", "-pk").first()
    return redirect("web:quick", membership.book_id) if membership else redirect("web:home")


@require_safe
@ensure_csrf_cookie
@book_page(at_least=Role.EDITOR, partly=True)
def quick_entry(request: HttpRequest, book: Book) -> HttpResponse:
    """The form; what it needs to work offline stands in the page."""
    tree = accounts_of(book=book)
    names = paths_of(tree)
    categories = [
        (title, [(one, names[one.pk].partition(":")[2].replace(":", " › ") or one.name) for one in found])
        for title, found in (
            ("spent", _categories(tree, AccountType.EXPENSE)),
            ("received", _categories(tree, AccountType.INCOME)),
        )
    ]
    accounts = everyday_accounts(tree)
    context = {
        "accounts": [(one, money.exponent(one.currency)) for one in accounts],
        "categories": categories,
        "today": today_in(book),
    }
    return render(request, "web/quick.html", {"book": book, **context})


def _categories(tree: list[Account], account_type: AccountType) -> list[Account]:
    return [one for one in tree if one.type == account_type and one.kind != AccountKind.GROUP and one.closed_on is None]


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """The script that answers for the quick entry without a connection; only from here may it see these addresses."""
    script = Path(str(finders.find("lifeos/quick-worker.js"))).read_bytes()
    return HttpResponse(script, content_type="text/javascript", headers={"Cache-Control": "no-cache"})


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """What a phone installs (W3C Web Application Manifest), with the shortcut in the browser's language."""
    told = {
        "name": "LifeOS",
        "short_name": "LifeOS",
        "lang": get_language(),
        "start_url": "/",
        "display": "standalone",
        "background_color": "#ffffff",
        "theme_color": "#047857",
        "shortcuts": [{"name": _("Quick entry"), "url": reverse("web:quick_home")}],
        "icons": [{"src": static("lifeos/favicon.svg"), "sizes": "any", "type": "image/svg+xml"}],
    }
    return JsonResponse(told, content_type="application/manifest+json", headers={"Cache-Control": "no-cache"})
