"""A member's own figures: without the accounts that they left out, with a switch to the household's."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from finance.errors import Invalid
from finance.ledger.services import leave_out
from finance.ledger.visibility import HOLDINGS, left_out_ids, without
from finance.models import Account, AccountKind, Book
from finance.web.access import book_page, id_in, user_of


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFigures:
    """What figures are read of: `book` is without the accounts that were left out, unless the household's are shown."""

    book: Book
    left_out: list[Account]
    of_household: bool

    @property
    def names(self) -> str:
        return ", ".join(account.name for account in self.left_out)

    def choices(self, tree: list[Account]) -> list[tuple[Account, bool]]:
        """Accounts that can be left out, and whether they are."""
        out = {account.pk for account in self.left_out}
        return [(account, account.pk in out) for account in tree if _is_own(account) and not account.closed_on]


def _is_own(account: Account) -> bool:
    return account.type in HOLDINGS and account.kind != AccountKind.GROUP


def own_figures(request: HttpRequest, book: Book, tree: list[Account]) -> OwnFigures:
    """The reader's own figures, or with `?figures=household` everybody's. One query."""
    ids = left_out_ids(book=book, user=user_of(request))
    left_out = [account for account in tree if account.pk in ids]
    of_household = request.GET.get("figures") == "household"
    shown = without(book=book, tree=tree, left_out=ids) if left_out and not of_household else book
    return OwnFigures(book=shown, left_out=left_out, of_household=of_household)


@require_POST
@book_page(partly=True)
def own_figures_save(request: HttpRequest, book: Book) -> HttpResponse:
    """Leave the accounts that are ticked out of one's own figures."""
    try:
        chosen = {id_in(each, thing="account") for each in request.POST.getlist("account")}
        leave_out(book=book, user=user_of(request), account_ids=chosen)
    except Invalid as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, _("Your own figures were changed. Nobody else's were."))
    return redirect("web:accounts", book.pk)
