"""What each member bears of a budget: the parts of one period, and how they are set."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from finance.errors import FinanceError, Invalid
from finance.ledger.models import Book, Membership, Role
from finance.ledger.selectors import book_for
from finance.planning.budgets import selectors, services
from finance.planning.budgets.models import Budget, BudgetShare
from finance.planning.budgets.views import Plan, view_of
from finance.web.access import book_page, user_of
from finance.web.plan_budget_rows import day_asked
from finance.web.refusals import refuse


class SharingForm(forms.Form):
    """How it is shared, and a field for each member."""

    shared_by = forms.ChoiceField(
        label=gettext_lazy("Shared by"), choices=Budget.SharedBy.choices, required=False
    )  # fmt: skip

    def __init__(
        self, data: Any = None, *, members: list[Membership], shares: list[BudgetShare], budget: Budget
    ) -> None:
        known = {each.user_id: each.share for each in shares}
        initial: dict[str, Any] = {"shared_by": budget.shared_by}
        super().__init__(data, initial=initial)
        self.members = {f"share-{each.user_id}": each.user_id for each in members}
        for each in members:
            name = f"share-{each.user_id}"
            self.fields[name] = forms.DecimalField(
                label=each.user.name or each.user.email, required=False, min_value=0, max_digits=12, decimal_places=4
            )
            if each.user_id in known:
                initial[name] = known[each.user_id]

    def given(self) -> dict[str, Any]:
        """As `share_budget` takes it; a member without a figure bears nothing and is left out."""
        shares: dict[int, Decimal] = {
            user_id: self.cleaned_data[name]
            for name, user_id in self.members.items()
            if self.cleaned_data.get(name) is not None
        }
        shared_by = Budget.SharedBy(self.cleaned_data["shared_by"])
        return {"shared_by": shared_by, "shares": shares if shared_by else {}}


@require_http_methods(["GET", "POST"])
@book_page()
def plan_budget_shares(request: HttpRequest, book: Book, budget_id: int) -> HttpResponse:
    """What each member bears of each line in one period; editors say by which shares."""
    budget, on = selectors.budget_for(book=book, budget_id=budget_id), day_asked(request, book)
    shares = selectors.shares_of(budget=budget)
    members = list(Membership.objects.filter(book=book).select_related("user").order_by("pk")[: services.MOST_SHARES])
    form = SharingForm(request.POST or None, members=members, shares=shares, budget=budget)
    if request.method == "POST":
        book_for(user=user_of(request), book_id=book.pk, at_least=Role.EDITOR)
        if form.is_valid():
            try:
                services.share_budget(budget=budget, actor=user_of(request), **form.given())
            except FinanceError as error:
                refuse(form, error, fields={f"shares.{user_id}": name for name, user_id in form.members.items()})
            else:
                messages.success(request, _("The budget was changed."))
                return redirect(f"{reverse('web:plan_budget_shares', args=[book.pk, budget.pk])}?on={on}")
    context: dict[str, Any] = {"book": book, "budget": budget, "form": form, "on": on, "shares": shares}
    try:
        view = view_of(Plan(budget), on=on)
    except Invalid as error:
        context["problem"] = error.detail
    else:
        lines, parts = selectors.parts_of(view=view, shares=shares)
        context |= {
            "shown": view.periods[0],
            "members": parts,
            "rows": [(line, [member.parts[place] for member in parts]) for place, line in enumerate(lines)],
            "left": [each for each in shares if each.user_id not in {member.user_id for member in members}],
        }
    return render(request, "finance/plan/budget_shares.html", context, status=400 if form.errors else 200)
