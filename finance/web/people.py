"""People & debts: who owes whom, line by line; shared bills, groups and settling up."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from core.clock import today_in
from core.keyset import dated_place, keyset_page, read_dated_place
from finance.errors import FinanceError, NotFound
from finance.ledger.selectors import book_for
from finance.models import Book, CostGroup, Person, Role, SharedBill
from finance.receivables import selectors, services
from finance.receivables.splitting import ME
from finance.web import people_forms as forms
from finance.web.access import book_page, id_in, user_of
from finance.web.refusals import refuse

PAGE = 50


def _editor(request: HttpRequest, book: Book) -> None:
    """Raise Forbidden for a member who may not write."""
    book_for(user=user_of(request), book_id=book.pk, at_least=Role.EDITOR)


def _after(request: HttpRequest) -> list[Any] | None:
    """The place that a page of a dated list begins behind. Raises NotFound."""
    text = request.GET.get("after")
    if not text:
        return None
    try:
        return list(read_dated_place(text))
    except ValueError as error:
        raise NotFound(thing="page") from error


@require_http_methods(["GET", "POST"])
@book_page()
def people(request: HttpRequest, book: Book) -> HttpResponse:
    """Everyone with one number, groups, and a form to add somebody."""
    form = forms.PersonForm(request.POST or None)
    if request.method == "POST":
        _editor(request, book)
        if form.is_valid():
            try:
                person = services.save_person(book=book, changes=form.cleaned_data)
            except FinanceError as error:
                refuse(form, error)
            else:
                return redirect("web:people_person", book.pk, person.pk)
    archived, after = request.GET.get("archived") == "1", request.GET.get("after")
    page = keyset_page(
        selectors.people_of(book=book, archived=archived), ordering=("id",),
        after=[id_in(after, thing="page")] if after else None, limit=PAGE,
    )  # fmt: skip
    owed = selectors.owed_by(book=book, as_of=today_in(book), person_ids=[person.pk for person in page.rows])
    context = {
        "book": book, "form": form, "rows": [(person, owed.get(person.pk, [])) for person in page.rows],
        "next": page.edge.pk if page.edge else None, "archived": archived,
        "groups": CostGroup.objects.filter(book=book, archived_at=None).order_by("name")[:PAGE],
        "some_archived": selectors.people_of(book=book, archived=True).exists(),
    }  # fmt: skip
    return render(request, "finance/people/people.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@book_page()
def people_person(request: HttpRequest, book: Book, person_id: int) -> HttpResponse:
    """What a person owes with the lines that add up to it; editors lend, pay back, change or archive."""
    person = selectors.person_for(book=book, person_id=person_id)
    do, today = request.POST.get("do"), today_in(book)
    names = ("name", "email", "address", "note")
    form = forms.PersonForm(
        request.POST if do == "save" else None, initial={name: getattr(person, name) for name in names}
    )
    move = forms.MovementForm(request.POST if do == "move" else None, book=book, initial={"date": today})
    if request.method == "POST":
        _editor(request, book)
        if (done := _change_person(request, person, form, move)) is not None:
            return done
    page = keyset_page(
        selectors.lines_of_person(person=person), ordering=("-date", "-id"), after=_after(request), limit=PAGE
    )
    context = {
        "book": book, "person": person, "form": form, "move": move, "today": today,
        "owed": selectors.owed_by(book=book, as_of=today, person_ids=[person.pk]).get(person.pk, []),
        "lines": selectors.with_balances(person=person, lines=page.rows),
        "next": dated_place(page.edge.date, page.edge.pk) if page.edge else None,
        "claims": [(claim, still) for claim, still in selectors.open_claims(book=book, as_of=today, person=person) if still],
        "invoices": selectors.invoices_of(book=book).filter(person=person).order_by("-pk")[:10],
    }  # fmt: skip
    return render(request, "finance/people/person.html", context, status=400 if form.errors or move.errors else 200)


def _change_person(
    request: HttpRequest, person: Person, form: forms.PersonForm, move: forms.MovementForm
) -> HttpResponse | None:
    """Carry out the form's action; None where the page has to say why not."""
    book, actor = person.book, user_of(request)
    try:
        match request.POST.get("do"):
            case "save" if form.is_valid():
                services.save_person(book=book, person=person, changes=form.cleaned_data)
            case "move" if move.is_valid():
                services.move(person=person, actor=actor, **move.said())
                messages.success(request, _("Saved."))
            case "archive" | "use" as asked:
                services.save_person(book=book, person=person, changes={"archived": asked == "archive"})
            case "remove":
                services.remove_person(person=person)
                return redirect("web:people", book.pk)
            case _:
                return None
    except FinanceError as error:
        do = request.POST.get("do")
        if do in ("move", "save"):
            refuse(move if do == "move" else form, error)
            return None
        messages.error(request, error.detail)
    return redirect("web:people_person", book.pk, person.pk)


@require_GET
@book_page()
def people_bills(request: HttpRequest, book: Book) -> HttpResponse:
    """Shared bills, newest first."""
    page = keyset_page(selectors.bills_of(book=book), ordering=("-date", "-id"), after=_after(request), limit=PAGE)
    context = {
        "book": book, "rows": [(bill, _own(bill)) for bill in page.rows],
        "next": dated_place(page.edge.date, page.edge.pk) if page.edge else None,
    }  # fmt: skip
    return render(request, "finance/people/bills.html", context)


def _own(bill: SharedBill) -> int:
    """The household's share of a bill."""
    return sum(share.owed for share in selectors.shares_shown(bill) if share.party == ME)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def people_bill_new(request: HttpRequest, book: Book) -> HttpResponse:
    """Share a bill, in a group or with anybody."""
    asked = request.GET.get("group")
    group = selectors.group_for(book=book, group_id=id_in(asked, thing="cost group")) if asked else None
    people = forms.listed_people(book, group)
    ticked = {f"in_{party}": True for party in [ME, *(person.pk for person in people)]} if group else {"in_0": True}
    initial = {"date": today_in(book), "currency": book.base_currency, "paid_by": ME, "method": "equal", **ticked}
    form = forms.BillForm(request.POST or None, book=book, people=people, group=group, initial=initial)
    return _bill_page(request, book, form, None)


@require_http_methods(["GET", "POST"])
@book_page()
def people_bill(request: HttpRequest, book: Book, bill_id: int) -> HttpResponse:
    """A bill with everyone's share; editors change or remove it."""
    bill = selectors.bill_for(book=book, bill_id=bill_id)
    there = {share.person_id for share in bill.shares.all() if share.person_id}
    people = forms.listed_people(book, bill.group)
    people += list(Person.objects.filter(book=book, pk__in=there - {person.pk for person in people}))
    if request.method == "POST":
        _editor(request, book)
        if request.POST.get("do") == "remove":
            try:
                services.remove_bill(bill=bill, actor=user_of(request), today=today_in(book))
            except FinanceError as error:
                messages.error(request, error.detail)
                return redirect("web:people_bill", book.pk, bill.pk)
            messages.success(request, _("The bill was removed and its entry reversed."))
            return redirect("web:people_bills", book.pk)
    is_refund = request.POST.get("do") == "refund"
    posted = request.POST if request.method == "POST" else None
    form = forms.BillForm(
        None if is_refund else posted, book=book, people=people, group=bill.group, initial=forms.bill_initial(bill)
    )
    payer = max(bill.shares.all(), key=lambda share: share.paid).person_id or ME
    initial = {"date": today_in(book), "received_by": payer, "account": bill.account_id}
    names = [(party, name) for party, name in form.parties if party == ME or party in there]
    refund = forms.RefundForm(posted if is_refund else None, book=book, bill=bill, parties=names, initial=initial)
    if is_refund and refund.is_valid():
        try:
            made = services.refund_bill(bill=bill, actor=user_of(request), **refund.said())
        except FinanceError as error:
            refuse(refund, error)
        else:
            messages.success(request, _("Saved. Every share fell by its part."))
            return redirect("web:people_bill", book.pk, made.pk)
    return _bill_page(request, book, form, bill, refund)


def _bill_page(
    request: HttpRequest,
    book: Book,
    form: forms.BillForm,
    bill: SharedBill | None,
    refund: forms.RefundForm | None = None,
) -> HttpResponse:
    if form.is_bound and form.is_valid():
        try:
            saved = services.save_bill(book=book, actor=user_of(request), bill=form.bill(), saved=bill)
        except FinanceError as error:
            refuse(form, error, fields={"paid": "paid_by"})
        else:
            messages.success(request, _("Saved."))
            return redirect("web:people_bill", book.pk, saved.pk)
    names = dict(form.parties)
    context = {
        "book": book, "form": form, "bill": bill,
        "shares": [(names.get(share.party, ""), share) for share in selectors.shares_shown(bill)] if bill else [],
        "refund": refund, "refunds": selectors.refunds_of(bill) if bill and bill.refund_of_id is None else [],
        "left": sum(selectors.left_of(bill).values()) if bill and bill.refund_of_id is None else 0,
    }  # fmt: skip
    refused = form.errors or (refund is not None and refund.errors)
    return render(request, "finance/people/bill.html", context, status=400 if refused else 200)


@require_http_methods(["GET", "POST"])
@book_page()
def people_settle(request: HttpRequest, book: Book) -> HttpResponse:
    """Who owes whom in the whole book; editors record a payment, filled in from the pair that was chosen."""
    people, today = forms.listed_people(book), today_in(book)
    asked = {name: request.GET[name] for name in ("payer", "payee", "amount", "currency") if name in request.GET}
    # Two different people settle: somebody pays us, unless the pair that was chosen says otherwise.
    first = {"payer": people[0].pk} if people else {}
    initial = {"date": today, "currency": book.base_currency, "payee": ME, **first, **asked}
    form = forms.SettleForm(request.POST or None, book=book, people=people, initial=initial)
    if request.method == "POST":
        _editor(request, book)
        if form.is_valid():
            try:
                services.settle(book=book, actor=user_of(request), **form.said())
            except FinanceError as error:
                refuse(form, error)
            else:
                messages.success(request, _("Saved."))
                return redirect("web:people_settle", book.pk)
    context = {"book": book, "form": form, **_pairs(request, book, None)}
    page = keyset_page(
        selectors.settlements_of(book=book), ordering=("-date", "-id"), after=_after(request), limit=PAGE
    )
    context["settlements"] = page.rows
    context["next"] = dated_place(page.edge.date, page.edge.pk) if page.edge else None
    return render(request, "finance/people/settle.html", context, status=400 if form.errors else 200)


def _pairs(request: HttpRequest, book: Book, group: CostGroup | None) -> dict[str, Any]:
    """Who owes whom, by name, in the mode that the address asks for."""
    usual = group is not None and group.simplify
    simplify = request.GET.get("mode", "simplified" if usual else "pairwise") == "simplified"
    found = selectors.settle_up(book=book, as_of=today_in(book), group=group, simplify=simplify)
    parties = {party for nets in found.nets.values() for party in nets}
    names = {ME: _("Us"), **dict(Person.objects.filter(book=book, pk__in=parties).values_list("pk", "name"))}
    return {
        "simplified": simplify,
        "pairs": [(names.get(pair.debtor, ""), names.get(pair.creditor, ""), pair) for pair in found.pairs],
        "nets": [
            (names.get(party, ""), currency, amount) for currency, nets in found.nets.items() for party, amount in nets.items()
        ],
    }  # fmt: skip


@require_http_methods(["POST"])
@book_page(at_least=Role.EDITOR)
def people_settlement_remove(request: HttpRequest, book: Book, settlement_id: int) -> HttpResponse:
    """Remove a payment; its entry is reversed."""
    settlement = selectors.settlement_for(book=book, settlement_id=settlement_id)
    try:
        services.remove_settlement(settlement=settlement, actor=user_of(request), today=today_in(book))
        messages.success(request, _("The payment was removed and its entry reversed."))
    except FinanceError as error:
        messages.error(request, error.detail)
    return redirect("web:people_settle", book.pk)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def people_group_new(request: HttpRequest, book: Book) -> HttpResponse:
    """Add a group of people who share costs."""
    form = forms.GroupForm(request.POST or None, people=forms.listed_people(book))
    if request.method == "POST" and form.is_valid():
        try:
            group = services.save_group(book=book, **form.cleaned_data)
        except FinanceError as error:
            refuse(form, error)
        else:
            return redirect("web:people_group", book.pk, group.pk)
    context = {"book": book, "form": form}
    return render(request, "finance/people/group_new.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@book_page()
def people_group(request: HttpRequest, book: Book, cost_group_id: int) -> HttpResponse:
    """A group's balances and pairs; editors change it, pass debts on, or bring in a Splitwise file."""
    group = selectors.group_for(book=book, group_id=cost_group_id)
    do, members = request.POST.get("do"), forms.listed_people(book, group)
    people = {person.pk: person for person in [*forms.listed_people(book), *members]}
    initial = {"name": group.name, "simplify": group.simplify, "people": [person.pk for person in members]}
    form = forms.GroupForm(request.POST if do == "save" else None, people=list(people.values()), initial=initial)
    splitwise = forms.SplitwiseForm(
        request.POST if do == "splitwise" else None, request.FILES if do == "splitwise" else None, book=book
    )
    if request.method == "POST":
        _editor(request, book)
        if (done := _change_group(request, group, form, splitwise)) is not None:
            return done
    context = {
        "book": book, "group": group, "members": members, "form": form, "splitwise": splitwise,
        "bills": selectors.bills_of(book=book).filter(group=group).order_by("-date", "-pk")[:PAGE],
        **_pairs(request, book, group),
    }  # fmt: skip
    return render(request, "finance/people/group.html", context, status=400 if form.errors or splitwise.errors else 200)


def _change_group(
    request: HttpRequest, group: CostGroup, form: forms.GroupForm, splitwise: forms.SplitwiseForm
) -> HttpResponse | None:
    """Carry out the form's action; None where the page has to say why not."""
    book, actor = group.book, user_of(request)
    try:
        match request.POST.get("do"):
            case "save" if form.is_valid():
                services.save_group(book=book, group=group, **form.cleaned_data)
            case "pass_on":
                services.pass_on_debts(group=group, actor=actor, date=today_in(book))
                messages.success(request, _("The debts were passed on; nobody's balance changed."))
            case "splitwise" if splitwise.is_valid():
                taken = services.take_splitwise(group=group, actor=actor, **splitwise.said())
                told = {"bills": taken.bills, "payments": taken.payments, "refused": len(taken.refused)}
                said = _("%(bills)d bills and %(payments)d payments were taken, %(refused)d rows were not.")
                messages.success(request, said % told)
                for line, reason in taken.refused[:10]:
                    messages.warning(request, _("Row %(line)d: %(reason)s") % {"line": line, "reason": reason})
            case "remove":
                services.remove_group(group=group)
                return redirect("web:people", book.pk)
            case _:
                return None
    except FinanceError as error:
        do = request.POST.get("do")
        if do in ("save", "splitwise"):
            names = {"csv": "file", "account": "splitwise_account", "category": "splitwise_category"}
            refuse(form if do == "save" else splitwise, error, fields=names if do == "splitwise" else None)
            return None
        messages.error(request, error.detail)
    return redirect("web:people_group", book.pk, group.pk)


@require_GET
@book_page()
def people_group_file(request: HttpRequest, book: Book, cost_group_id: int) -> HttpResponse:
    """The group as Splitwise exports one."""
    text = services.give_splitwise(group=selectors.group_for(book=book, group_id=cost_group_id))
    disposition = 'attachment; filename="splitwise.csv"'
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": disposition})
