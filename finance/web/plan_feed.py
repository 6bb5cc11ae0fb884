"""The calendar of a member: its secret address, what is read there, and schedules as files."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from core.network import counted_address
from finance.errors import Forbidden, Invalid, NotFound
from finance.forecasts import expected
from finance.models import Book
from finance.planning.calendars import services
from finance.planning.calendars.icalendar import MEDIA_TYPE
from finance.planning.schedules.selectors import schedule_for
from finance.web.access import book_page, user_of
from identity.mail import base_url


@require_http_methods(["GET", "POST"])
@never_cache
@book_page()
def plan_feed(request: HttpRequest, book: Book) -> HttpResponse:
    """Make the address, show amounts or not, revoke it. The address is shown once, in the answer that makes it."""
    user, address = user_of(request), ""
    if request.method == "POST":
        with_amounts = request.POST.get("with_amounts") == "on"
        match request.POST.get("do"):
            case "make":
                fresh = services.make_feed(book=book, user=user, with_amounts=with_amounts)
                address = base_url(request) + services.feed_address(fresh.token)
            case "change":
                services.change_feed(book=book, user=user, with_amounts=with_amounts)
                messages.success(request, _("Your calendar was changed."))
                return redirect("web:plan_feed", book.pk)
            case "revoke":
                services.revoke_feed(book=book, user=user)
                messages.success(request, _("The address no longer works."))
                return redirect("web:plan_feed", book.pk)
            case _other:  # a form that names nothing: the page says what there is to do
                return redirect("web:plan_feed", book.pk)
    context = {"book": book, "feed": services.feed_of(book=book, user=user), "address": address}
    return render(request, "finance/plan/feed.html", context)


@require_safe
@book_page()
def plan_schedule_ics(request: HttpRequest, book: Book, schedule_id: int) -> HttpResponse:
    """A schedule's rule as a file; where iCalendar cannot say it, the schedule's page says why."""
    schedule = schedule_for(book=book, schedule_id=schedule_id)
    try:
        lines = services.schedule_as_calendar(schedule=schedule)
    except Invalid as error:
        messages.error(request, error.detail)
        return redirect("web:plan_schedule", book.pk, schedule.pk)
    headers = {"Content-Disposition": f'attachment; filename="schedule-{schedule.pk}.ics"'}
    return HttpResponse("".join(lines), content_type=MEDIA_TYPE, headers=headers)


@require_safe
@never_cache
def calendar_feed(request: HttpRequest, token: str) -> HttpResponse:
    """What is coming, for whoever has the address; nobody signs in. Unknown and revoked addresses are alike."""
    if not services.may_read(address=counted_address(request) or "-"):
        return HttpResponse(
            _("Too many requests. Try again in an hour."), status=429, content_type="text/plain; charset=utf-8",
            headers={"Retry-After": "3600"},
        )  # fmt: skip
    try:
        lines = services.calendar_of(token=token, now=timezone.now(), expected=expected)
    except (NotFound, Forbidden) as error:
        raise Http404 from error
    return HttpResponse("".join(lines), content_type=MEDIA_TYPE, headers={"X-Robots-Tag": "noindex"})
