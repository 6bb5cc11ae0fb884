"""What the pages of budgets share: the day that they look at, and the address of the rows behind a figure."""

import datetime

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from core.clock import today_in
from finance.ledger.selectors import ids_inside
from finance.models import AccountKind, Book
from finance.planning.budgets.views import LineView, Plan


def rows_of(plan: Plan, line: LineView) -> tuple[str, str]:
    """Where the register shows the postings that the line counts: what stands before and behind the days of a period."""
    book_id, account_id = plan.budget.book_id, line.line.account_id
    whole, scope = reverse("web:book_register", args=[book_id]), "income" if line.is_income else "spending"
    if account_id is None:
        return whole, f"&{urlencode({'scope': scope, 'tag': str(line.line.tag_id)})}"
    postable = {a.pk for a in plan.tree if a.kind != AccountKind.GROUP}
    counted = sorted(set(line.accounts) & postable)
    if ids_inside(account_id, plan.tree) & postable == set(counted):
        register = reverse("web:register", args=[book_id, account_id])
        return register, "" if account_id in postable else "&below=1"
    return whole, f"&{urlencode({'scope': scope, 'accounts': ','.join(map(str, counted))})}"


def day_asked(request: HttpRequest, book: Book) -> datetime.date:
    """The day that the address or the form names; today where it names none."""
    try:
        day = datetime.date.fromisoformat(request.POST.get("on") or request.GET.get("on", ""))
    except ValueError:
        return today_in(book)
    return day if 1900 <= day.year < 9000 else today_in(book)
