"""A book's webhooks: editors can see them, owners can change them. A secret is shown once, when it is made."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from finance.errors import FinanceError, Forbidden, NotFound
from finance.models import Book, Role, WebhookDelivery, WebhookEndpoint
from finance.web.access import book_page, user_of
from finance.web.refusals import refuse
from finance.web.webhook_forms import EndpointForm, ReplayForm, RotationForm, form_of
from finance.webhooks import selectors, services
from finance.webhooks.services import FreshSecret

PER_PAGE = 20
State = WebhookDelivery.State


@require_safe
@book_page(at_least=Role.EDITOR)
def webhooks(request: HttpRequest, book: Book) -> HttpResponse:
    context = {"book": book, "webhooks": selectors.endpoints_of(book=book)}
    return render(request, "finance/webhooks/list.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.OWNER)
def webhook_new(request: HttpRequest, book: Book) -> HttpResponse:
    """Answers with the webhook's page itself, not a redirect: the secret is shown once."""
    form = EndpointForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            fresh = services.add_endpoint(book=book, actor=user_of(request), **form.wanted)
        except (Forbidden, NotFound):
            raise
        except FinanceError as error:
            refuse(form, error)
        else:
            return _page(request, book, fresh.endpoint, fresh=fresh)
    status = 400 if form.errors else 200
    return render(request, "finance/webhooks/form.html", {"book": book, "form": form}, status=status)


@require_safe
@book_page(at_least=Role.EDITOR)
def webhook(request: HttpRequest, book: Book, webhook_id: int) -> HttpResponse:
    return _page(request, book, selectors.endpoint_for(book=book, endpoint_id=webhook_id))


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.OWNER)
def webhook_edit(request: HttpRequest, book: Book, webhook_id: int) -> HttpResponse:
    endpoint = selectors.endpoint_for(book=book, endpoint_id=webhook_id)
    form = EndpointForm(request.POST) if request.method == "POST" else form_of(endpoint)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_endpoint(endpoint=endpoint, actor=user_of(request), **form.wanted)
        except (Forbidden, NotFound):
            raise
        except FinanceError as error:
            refuse(form, error)
        else:
            messages.success(request, _("The webhook was changed."))
            return redirect("web:webhook", book.pk, endpoint.pk)
    context = {"book": book, "form": form, "endpoint": endpoint}
    return render(request, "finance/webhooks/form.html", context, status=400 if form.errors else 200)


@require_POST
@book_page(at_least=Role.OWNER)
def webhook_switch(request: HttpRequest, book: Book, webhook_id: int) -> HttpResponse:
    endpoint = selectors.endpoint_for(book=book, endpoint_id=webhook_id)
    if request.POST.get("active") == "on":
        services.start_endpoint(endpoint=endpoint, actor=user_of(request))
        messages.success(request, _("The webhook is on. What was not delivered meanwhile can be replayed."))
    else:
        services.stop_endpoint(endpoint=endpoint, actor=user_of(request), now=timezone.now())
        messages.success(request, _("The webhook is off. Nothing is sent until it is switched on again."))
    return redirect("web:webhook", book.pk, endpoint.pk)


@never_cache
@require_POST
@book_page(at_least=Role.OWNER)
def webhook_secret(request: HttpRequest, book: Book, webhook_id: int) -> HttpResponse:
    """Answers with the page itself, not a redirect: the secret is shown once."""
    endpoint = selectors.endpoint_for(book=book, endpoint_id=webhook_id)
    form = RotationForm(request.POST)
    if not form.is_valid():
        return _page(request, book, endpoint, rotation=form, status=400)
    fresh = services.rotate_secret(endpoint=endpoint, actor=user_of(request), now=timezone.now(), overlap=form.duration)
    return _page(request, book, fresh.endpoint, fresh=fresh)


@require_POST
@book_page(at_least=Role.OWNER)
def webhook_remove(request: HttpRequest, book: Book, webhook_id: int) -> HttpResponse:
    services.remove_endpoint(endpoint=selectors.endpoint_for(book=book, endpoint_id=webhook_id), actor=user_of(request))
    messages.success(request, _("The webhook and its log were removed."))
    return redirect("web:webhooks", book.pk)


@require_POST
@book_page(at_least=Role.OWNER)
def webhook_test(request: HttpRequest, book: Book, webhook_id: int) -> HttpResponse:
    """Leads to the page of the test's delivery, which shows what comes of it."""
    endpoint = selectors.endpoint_for(book=book, endpoint_id=webhook_id)
    if not services.may_test(book=book):
        messages.error(request, _("Too many tests within an hour. Please continue later."))
        return redirect("web:webhook", book.pk, endpoint.pk)
    delivery = services.send_test(endpoint=endpoint, actor=user_of(request), now=timezone.now())
    return redirect("web:webhook_delivery", book.pk, endpoint.pk, delivery.pk)


@require_POST
@book_page(at_least=Role.OWNER)
def webhook_replay(request: HttpRequest, book: Book, webhook_id: int) -> HttpResponse:
    endpoint = selectors.endpoint_for(book=book, endpoint_id=webhook_id)
    form = ReplayForm(request.POST)
    if not form.is_valid():
        return _page(request, book, endpoint, replay=form, status=400)
    try:
        count = services.replay_failed(endpoint=endpoint, actor=user_of(request), since=timezone.now() - form.age)
    except (Forbidden, NotFound):
        raise
    except FinanceError as error:
        messages.error(request, error.detail)
    else:
        if count:
            said = ngettext(
                "%(count)d message is on its way again.", "%(count)d messages are on their way again.", count
            )
            messages.success(request, said % {"count": count})
        else:
            messages.info(request, _("Nothing failed in that time."))
    return redirect("web:webhook", book.pk, endpoint.pk)


@require_safe
@book_page(at_least=Role.EDITOR)
def webhook_delivery(request: HttpRequest, book: Book, webhook_id: int, delivery_id: int) -> HttpResponse:
    """One message with its attempts. While it is on its way the page asks again every other second."""
    endpoint = selectors.endpoint_for(book=book, endpoint_id=webhook_id)
    delivery = selectors.delivery_for(endpoint=endpoint, delivery_id=delivery_id)
    context = {"book": book, "endpoint": endpoint, "delivery": delivery, "attempts": list(delivery.attempts.all())}
    part = "_delivery" if request.headers.get("HX-Request") else "delivery"
    return render(request, f"finance/webhooks/{part}.html", context)


@require_POST
@book_page(at_least=Role.OWNER)
def webhook_delivery_replay(request: HttpRequest, book: Book, webhook_id: int, delivery_id: int) -> HttpResponse:
    endpoint = selectors.endpoint_for(book=book, endpoint_id=webhook_id)
    delivery = selectors.delivery_for(endpoint=endpoint, delivery_id=delivery_id)
    try:
        services.replay_delivery(delivery=delivery, actor=user_of(request), now=timezone.now())
    except (Forbidden, NotFound):
        raise
    except FinanceError as error:
        messages.error(request, error.detail)
    return redirect("web:webhook_delivery", book.pk, endpoint.pk, delivery.pk)


def _page(
    request: HttpRequest,
    book: Book,
    endpoint: WebhookEndpoint,
    *,
    fresh: FreshSecret | None = None,
    rotation: RotationForm | None = None,
    replay: ReplayForm | None = None,
    status: int = 200,
) -> HttpResponse:
    state = request.GET.get("state", "")
    text = request.GET.get("before", "")
    log = selectors.deliveries_page(
        endpoint=endpoint,
        state=state if state in State.values else "",
        before=int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None,
        limit=PER_PAGE,
    )
    context = {
        "book": book,
        "endpoint": endpoint,
        "fresh": fresh,
        "old_secret_until": selectors.old_secret_valid_until(endpoint=endpoint, now=timezone.now()),
        "rotation": rotation or RotationForm(),
        "replay": replay or ReplayForm(),
        "log": log,
        "state": state,
        "states": [("", _("All")), *State.choices],
    }
    return render(request, "finance/webhooks/detail.html", context, status=status)
