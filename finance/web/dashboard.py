"""The cards of a person's overview: which there are, and the page that chooses and orders them."""

import datetime
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from finance.errors import Invalid, NotFound
from finance.models import Book, SavedReport
from finance.periods import PayRule
from finance.report_sources import pay_of, report_of
from finance.reports import kept, services
from finance.reports.dashboard import CARDS, REPORT, moved
from finance.reports.sentences import sentence_of
from finance.web.access import book_page, user_of
from finance.web.reports import address_of
from identity.models import User

TITLES = {
    "worth": gettext_lazy("Net worth"),
    "look": gettext_lazy("Deserves a look"),
    "holdings": gettext_lazy("Accounts"),
    "ahead": gettext_lazy("Next 30 days"),
    "spending": gettext_lazy("Spending"),
    "income": gettext_lazy("Income"),
}
# The cards that can be of some accounts only; insights, bank files and saved reports are of the whole book.
OF_SOME_ACCOUNTS = ("worth", "spending", "income", "holdings")
# The wide column of the overview; all others are in the narrow one.
WIDE = frozenset({"worth", "spending", "income"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card in the order of the overview; of a saved report with what it says and where it is."""

    name: str
    title: str
    sentence: str = ""
    url: str = ""


def cards_for(*, book: Book, user: User, today: datetime.date) -> tuple[list[Card], list[Card]]:
    """The person's cards in order: those of the wide column and those of the narrow one."""
    if book.visible_ids is not None:
        usual = [Card(name=name, title=str(TITLES[name])) for name in OF_SOME_ACCOUNTS]
        return [card for card in usual if card.name in WIDE], [card for card in usual if card.name not in WIDE]
    reports = kept.saved_reports(book=book)
    by_card = {f"{REPORT}{report.pk}": report for report in reports}
    shown = kept.cards_of(book=book, user=user, reports=reports)
    pay = pay_of(book) if any(name in by_card for name in shown) else None
    cards = [
        _report_card(by_card[name], name, book=book, today=today, pay=pay)
        if name in by_card
        else Card(name=name, title=str(TITLES[name]))
        for name in shown
    ]
    return [card for card in cards if card.name in WIDE], [card for card in cards if card.name not in WIDE]


def _report_card(report: SavedReport, name: str, *, book: Book, today: datetime.date, pay: PayRule | None) -> Card:
    try:
        definition = kept.definition_of(report, book=book, today=today)
        sentence = sentence_of(report_of(book=book, definition=definition, today=today, pay=pay), today=today)
    except (Invalid, NotFound) as error:
        sentence = error.detail
    return Card(name=name, title=report.name, sentence=sentence, url=address_of(book, report.kind, report.parameters))


@require_http_methods(["GET", "POST"])
@book_page()
def dashboard(request: HttpRequest, book: Book) -> HttpResponse:
    """Choose and order the cards of one's own overview; each button saves at once."""
    user = user_of(request)
    reports = kept.saved_reports(book=book)
    shown = kept.cards_of(book=book, user=user, reports=reports)
    if request.method == "POST":
        return _change(request, book, shown)
    titles = {name: str(title) for name, title in TITLES.items()}
    titles |= {f"{REPORT}{report.pk}": report.name for report in reports}
    context = {
        "columns": [
            (title, [Card(name=name, title=titles[name]) for name in shown if (name in WIDE) is wide])
            for title, wide in ((_("Wide column"), True), (_("Narrow column"), False))
        ],
        "hidden": [Card(name=name, title=title) for name, title in titles.items() if name not in shown],
        "is_usual": shown == list(CARDS),
        "focus": request.GET.get("moved", ""),
    }
    return render(request, "web/dashboard.html", {"book": book, **context})


def _change(request: HttpRequest, book: Book, shown: list[str]) -> HttpResponse:
    """Carry out the button that was pressed: its name says what to do, its value with which card."""
    user, done = user_of(request), request.POST
    if "reset" in done:
        services.reset_cards(book=book, user=user)
        return redirect("web:dashboard", book.pk)
    action = next((name for name in ("up", "down", "show", "hide") if name in done), "")
    card = done.get(action, "")
    if action in ("up", "down"):
        # Within its column: past a card of the other one would be no move to see.
        columns = [[name for name in shown if (name in WIDE) is wide] for wide in (True, False)]
        shown = [name for column in columns for name in moved(column, card, up=action == "up")]
    elif action == "hide":
        shown = [name for name in shown if name != card]
    elif action == "show" and card not in shown:
        shown = [*shown, card]
    try:
        services.set_cards(book=book, user=user, cards=shown)
    except Invalid as error:
        messages.error(request, error.detail)
        return redirect("web:dashboard", book.pk)
    return redirect(f"{reverse('web:dashboard', args=[book.pk])}?moved={card}")
