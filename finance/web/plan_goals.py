"""Goals: what is set aside for what, what to put in next, and the records of it."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from core.clock import today_in
from core.keyset import dated_place, keyset_page, read_dated_place
from finance.errors import FinanceError, NotFound
from finance.figures import read_sum, typed_text
from finance.ledger.models import Account, AccountType, Book, Role
from finance.ledger.selectors import accounts_of, book_for, entry_for
from finance.planning.goals import selectors, services
from finance.planning.goals.arithmetic import Kind
from finance.planning.goals.models import Goal
from finance.planning.schedules.models import Schedule
from finance.planning.schedules.selectors import schedules_of
from finance.web.access import book_page, id_in, user_of
from finance.web.account_choices import AccountField
from finance.web.entry_forms import amount_field
from finance.web.plan_forms import DATE
from finance.web.refusals import refuse

PAGE = 100
RECORDS = 24
# Payments to come that are shown.
PLANNED = 12


class GoalForm(forms.Form):
    """A goal as a household writes it; `account` and `saved` only for a new one."""

    name = forms.CharField(label=gettext_lazy("What for"), max_length=services.LONGEST_NAME)
    kind = forms.ChoiceField(label=gettext_lazy("It is to"), choices=Goal.Kinds.choices, initial=Kind.SAVE)
    target = amount_field(gettext_lazy("Amount to reach"), required=False)
    by = forms.DateField(label=gettext_lazy("By"), required=False, widget=DATE)
    schedule = forms.ChoiceField(label=gettext_lazy("Fed by a schedule"), required=False)
    fed_amount = amount_field(gettext_lazy("Of each payment"), required=False)
    note = forms.CharField(label=gettext_lazy("Note"), required=False, max_length=500)

    def __init__(
        self,
        data: Any = None,
        *,
        schedules: list[Schedule],
        tree: list[Account] | None = None,
        initial: Any = None,
    ) -> None:
        super().__init__(data, initial=initial)
        self.schedules = {str(each.pk): each for each in schedules}
        chosen = [("", _("No schedule")), *((str(each.pk), each.name) for each in schedules)]
        self.fields["schedule"].choices = chosen  # type: ignore[attr-defined]
        self.fields["schedule"].help_text = _(
            "Its payments are counted as they are paid; pace and date follow from it."
        )
        self.fields["fed_amount"].help_text = _("Leave it out to count all that it brings into the account.")
        if tree is not None:
            usable = [account for account in tree if account.kind in selectors.KINDS]
            self.fields["account"] = AccountField(
                tree=usable, types=(AccountType.ASSET,), label=_("Where the money is")
            )
            self.fields["saved"] = amount_field(_("Set aside already"), required=False)
            self.order_fields(["name", "kind", "account", "target", "by", "saved"])

    def values(self, currency: str) -> dict[str, Any]:
        """What the service takes. Raises AmountInvalid."""
        given = {**self.cleaned_data, "kind": Kind(self.cleaned_data["kind"])}
        for name in ("target", "fed_amount"):
            given[name] = read_sum(given[name], currency=currency, field=name) if given[name] else None
        given["schedule"] = self.schedules.get(given["schedule"])
        if "saved" in given:
            given["saved"] = read_sum(given["saved"], currency=currency, field="saved") if given["saved"] else 0
        return given


class MoveForm(forms.Form):
    amount = amount_field(gettext_lazy("Amount"))
    date = forms.DateField(label=gettext_lazy("On"), widget=DATE)
    note = forms.CharField(label=gettext_lazy("Note"), required=False, max_length=200)

    def __init__(self, data: Any = None, *, tree: list[Account], currency: str, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        usable = [account for account in tree if account.kind in selectors.KINDS and account.currency == currency]
        self.fields["account"] = AccountField(tree=usable, types=(AccountType.ASSET,), label=_("In"))
        self.order_fields(["amount", "account", "date", "note"])


@require_http_methods(["GET", "POST"])
@book_page()
def plan_goals(request: HttpRequest, book: Book) -> HttpResponse:
    """All goals with what they hold and what to put in next; editors add one."""
    today = today_in(book)
    tree = accounts_of(book=book)
    form = GoalForm(request.POST or None, tree=tree, schedules=_schedules(book, tree))
    if request.method == "POST":
        book_for(user=user_of(request), book_id=book.pk, at_least=Role.EDITOR)
        if form.is_valid():
            account: Account = form.cleaned_data["account"]
            account.book = book
            try:
                values = form.values(account.currency)
                goal = services.create_goal(book=book, actor=user_of(request), today=today, **values)
            except FinanceError as error:
                refuse(form, error)
            else:
                return redirect("web:plan_goal", book.pk, goal.pk)
    after = request.GET.get("after")
    page = keyset_page(
        selectors.goals_of(book=book, closed=None if request.GET.get("closed") else False),
        ordering=("id",),
        after=[id_in(after, thing="page")] if after else None,
        limit=PAGE,
    )
    context = {
        "book": book,
        "form": form,
        "views": selectors.views_of(goals=page.rows, today=today),
        "next": page.edge.pk if page.edge else None,
        "holders": [each for each in selectors.holding_accounts(book=book, today=today) if each.set_aside],
        "closed": bool(request.GET.get("closed")),
    }
    return render(request, "finance/plan/goals.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@book_page()
def plan_goal(request: HttpRequest, book: Book, goal_id: int) -> HttpResponse:
    """One goal: its plan, its records; editors set aside, release, change, close and remove it."""
    goal, today = selectors.goal_for(book=book, goal_id=goal_id), today_in(book)
    view = selectors.view_of(goal, today=today)
    tree = accounts_of(book=book)
    do = request.POST.get("do", "")
    moving = do in ("put", "release")
    move = MoveForm(
        request.POST if moving else None,
        tree=tree,
        currency=goal.currency,
        initial={
            "date": today,
            "account": str(goal.account_id),
            "amount": typed_text(view.proposal, currency=goal.currency) if view.proposal else "",
        },
    )
    written = {
        name: typed_text(amount, currency=goal.currency) if (amount := getattr(goal, name)) else ""
        for name in ("target", "fed_amount")
    }
    if goal.schedule_id is None:  # it was removed
        written["fed_amount"] = ""
    schedules = _schedules(book, tree, goal.schedule_id)
    form = GoalForm(
        request.POST if do == "save" else None,
        schedules=schedules,
        initial={
            **written,
            **{name: getattr(goal, name) for name in ("name", "kind", "by", "note")},
            "schedule": goal.schedule_id,
        },
    )
    if request.method == "POST":
        book_for(user=user_of(request), book_id=book.pk, at_least=Role.EDITOR)
        asked = move if moving else form
        try:
            if _carry_out(request, goal, do, asked, today=today):
                return redirect("web:plan_goals", book.pk) if do == "remove" else redirect(request.path)
        except NotFound:
            raise
        except FinanceError as error:
            if asked.is_bound:
                refuse(asked, error)
            else:
                messages.error(request, error.detail)
    place = request.GET.get("after")
    try:
        after = list(read_dated_place(place)) if place else None
    except ValueError as error:
        raise NotFound(thing="page") from error
    page = keyset_page(selectors.moves_of(goal=goal), ordering=("-date", "-id"), after=after, limit=RECORDS)
    paths = {account.pk: account for account in tree}
    holders = {goal.account_id, *view.held}
    context = {
        "book": book,
        "goal": goal,
        "view": view,
        "held": [(paths[account_id], amount) for account_id, amount in sorted(view.held.items())],
        "form": form,
        "move": move,
        "fed_by": next((each for each in schedules if each.pk == goal.schedule_id), None),
        "planned": view.planned[:PLANNED],
        "more_planned": max(len(view.planned) - PLANNED, 0),
        "countable": [] if goal.closed_at else selectors.countable(goal=goal, holders=holders, today=today),
        "moves": page.rows,
        "next": dated_place(page.edge.date, page.edge.pk) if page.edge else None,
    }
    return render(request, "finance/plan/goal.html", context, status=400 if form.errors or move.errors else 200)


def _schedules(book: Book, tree: list[Account], chosen: int | None = None) -> list[Schedule]:
    """Those that bring money into an account that can hold a goal; of one that was changed the latest, or `chosen`."""
    holders = {account.pk for account in tree if account.kind in selectors.KINDS and account.type == AccountType.ASSET}
    return [
        each
        for each in schedules_of(book=book).order_by("name", "pk")
        if each.pk == chosen
        or (not hasattr(each, "continued_by") and any(each.definition.moved_on(pk, each.amount) > 0 for pk in holders))
    ]


def _carry_out(request: HttpRequest, goal: Goal, do: str, form: forms.Form, *, today: Any) -> bool:
    """Do what a button asks for; False where its form has to be shown again. Raises FinanceError."""
    actor = user_of(request)
    if do == "remove":
        services.remove_goal(goal=goal, actor=actor)
    elif do in ("close", "open"):
        services.close_goal(goal=goal, actor=actor, closed=do == "close")
    elif do == "count":
        try:
            entry = entry_for(book=goal.book, uid=uuid.UUID(request.POST.get("entry", "")))
        except ValueError as error:
            raise NotFound(thing="entry") from error
        services.link_entry(goal=goal, actor=actor, entry=entry, today=today)
        messages.success(request, _("The entry counts for “%(goal)s”.") % {"goal": goal.name})
    elif not form.is_valid():
        return False
    elif isinstance(form, GoalForm):
        services.change_goal(goal=goal, actor=actor, today=today, **form.values(goal.currency))
    else:
        given = dict(form.cleaned_data)
        amount = read_sum(given.pop("amount"), currency=goal.currency)
        given["account"].book = goal.book
        services.set_aside(goal=goal, actor=actor, amount=amount if do == "put" else -amount, today=today, **given)
    return True
