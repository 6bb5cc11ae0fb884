"""A book's rules: everybody reads them, editors change them."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from finance.errors import FinanceError, Forbidden, Invalid, NotFound
from finance.imports.selectors import batch_for, row_for
from finance.ledger.selectors import entry_for, lines_of
from finance.models import Book, Role, Rule
from finance.rules import selectors, services
from finance.rules.history import count_matches
from finance.web.access import book_page, user_of
from finance.web.import_rows import Categories
from finance.web.refusals import refuse
from finance.web.rule_forms import RuleForm, example_of_entry, example_of_row, representable, values_of
from finance.web.rule_words import actions_words, conditions_words, share_words


class GroupForm(forms.Form):
    name = forms.CharField(max_length=80)


@require_safe
@book_page()
def rules(request: HttpRequest, book: Book) -> HttpResponse:
    """All rules in the order in which they run."""
    names = Categories(book).names
    groups = selectors.groups_of(book=book)
    for group in groups:
        for rule in group.listed:  # type: ignore[attr-defined]
            rule.conditions_said = conditions_words(rule.definition, names)
            rule.actions_said = actions_words(rule.definition, names)
    context = {"book": book, "groups": groups, "applications": selectors.applications_of(book=book, limit=5)}
    return render(request, "finance/rules/list.html", context)


@require_safe
@book_page()
def rule(request: HttpRequest, book: Book, rule_id: int) -> HttpResponse:
    """A rule with its versions and what it did."""
    shown = selectors.rule_for(book=book, rule_id=rule_id)
    names = Categories(book).names
    try:
        log = selectors.log_page(rule=shown, before=selectors.read_cursor(request.GET.get("before")), limit=30)
    except Invalid as error:
        raise NotFound(thing="page") from error
    versions = [
        (each, conditions_words(each.definition, names), actions_words(each.definition, names))
        for each in selectors.versions_of(rule=shown)
    ]
    context = {
        "book": book, "rule": shown, "log": log, "versions": versions,
        "conditions": conditions_words(shown.definition, names), "actions": actions_words(shown.definition, names),
    }  # fmt: skip
    return render(request, "finance/rules/detail.html", context)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def rule_new(request: HttpRequest, book: Book) -> HttpResponse:
    """A new rule, from an example where the address names one: `import` and `row`, or `entry`."""
    initial = _example(book, request) if request.method == "GET" else {}
    return _form_page(request, book, None, initial)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def rule_edit(request: HttpRequest, book: Book, rule_id: int) -> HttpResponse:
    changed = selectors.rule_for(book=book, rule_id=rule_id)
    if not representable(changed.definition):
        messages.info(request, _("This rule has more brackets than the form can show. Change it through the API."))
        return redirect("web:rule", book.pk, changed.pk)
    stored = {"name": changed.name, "stop": changed.stop, "override": changed.override, "group": changed.group_id}
    return _form_page(request, book, changed, stored)


def _example(book: Book, request: HttpRequest) -> dict[str, Any]:
    given = request.GET
    if given.get("entry"):
        try:
            entry = entry_for(book=book, uid=UUID(given["entry"]))
        except ValueError as error:
            raise NotFound(thing="entry") from error
        return example_of_entry(entry, lines_of(entry=entry))
    if given.get("row"):
        ids = [selectors.read_cursor(given.get(name)) or 0 for name in ("import", "row")]
        return example_of_row(row_for(batch=batch_for(book=book, batch_id=ids[0]), row_id=ids[1]))
    return {}


def _form_page(request: HttpRequest, book: Book, changed: Rule | None, initial: dict[str, Any]) -> HttpResponse:
    categories = Categories(book)
    if changed is not None:
        initial = {**values_of(changed.definition, categories.names), **initial}
    posted = request.POST if request.method == "POST" else None
    form = RuleForm(posted, book=book, categories=categories, initial=initial)
    more = posted is not None and {"more-conditions", "more-parts"} & set(posted)
    matches = ""
    if more:
        # More rows are no save: what was typed stays, and nothing is checked yet.
        form = RuleForm(book=book, categories=categories, initial={**request.POST.dict(), **_counts(form)})
    elif posted is not None and form.is_valid() and not form.errors:
        try:
            if "check" in posted:
                matches = _matches(book, form)
            else:
                return _saved(request, book, changed, form)
        except (Forbidden, NotFound):
            raise
        except FinanceError as error:
            refuse(form, error, fields=form.places)
    context = {
        "book": book, "form": form, "rule": changed, "matches": matches,
        "accounts": sorted({categories.names[account.pk] for account in categories.accounts}),
    }  # fmt: skip
    status = 400 if form.errors else 200
    if request.headers.get("HX-Request") == "true" and posted is not None and "check" in posted:
        return render(request, "finance/rules/_matches.html", context)
    return render(request, "finance/rules/form.html", context, status=status)


def _counts(form: RuleForm) -> dict[str, Any]:
    return {f"{name}-count": number for name, number in form.counts.items()}


def _matches(book: Book, form: RuleForm) -> str:
    found = count_matches(book=book, engine=selectors.draft_engine(book=book, definition=form.definition))
    return share_words(found.matched, found.looked)


def _saved(request: HttpRequest, book: Book, changed: Rule | None, form: RuleForm) -> HttpResponse:
    data = form.cleaned_data
    group = selectors.group_for(book=book, group_id=int(data["group"])) if data.get("group") else None
    saved = services.save_rule(
        book=book, actor=user_of(request), rule=changed, name=data["name"], definition=form.definition, group=group,
        stop=data["stop"], override=data["override"],
    )  # fmt: skip
    messages.success(request, _("Saved. The rule decides about the next bank file; apply it to past entries here."))
    return redirect("web:rule", book.pk, saved.pk)


@require_POST
@book_page(at_least=Role.EDITOR)
def rule_move(request: HttpRequest, book: Book, rule_id: int) -> HttpResponse:
    services.move_rule(rule=selectors.rule_for(book=book, rule_id=rule_id), up=request.POST.get("to") == "up")
    return redirect(f"{redirect('web:rules', book.pk).url}#rule-{rule_id}")


@require_POST
@book_page(at_least=Role.EDITOR)
def rule_switch(request: HttpRequest, book: Book, rule_id: int) -> HttpResponse:
    changed = selectors.rule_for(book=book, rule_id=rule_id)
    services.switch_rule(rule=changed, active=request.POST.get("active") == "on")
    return redirect("web:rule", book.pk, changed.pk)


@require_POST
@book_page(at_least=Role.EDITOR)
def rule_remove(request: HttpRequest, book: Book, rule_id: int) -> HttpResponse:
    removed = selectors.rule_for(book=book, rule_id=rule_id)
    services.remove_rule(rule=removed)
    messages.success(request, _("“%(name)s” was removed. What it did stays.") % {"name": removed.name})
    return redirect("web:rules", book.pk)


@require_POST
@book_page(at_least=Role.EDITOR)
def rule_group_new(request: HttpRequest, book: Book) -> HttpResponse:
    try:
        services.add_group(book=book, name=request.POST.get("name", ""))
    except FinanceError as error:
        messages.error(request, error.detail)
    return redirect("web:rules", book.pk)


@require_POST
@book_page(at_least=Role.EDITOR)
def rule_group_change(request: HttpRequest, book: Book, group_id: int) -> HttpResponse:
    """One button each: up, down, on, off, remove."""
    group = selectors.group_for(book=book, group_id=group_id)
    try:
        match request.POST.get("do"):
            case "up" | "down" as way:
                services.move_group(group=group, up=way == "up")
            case "on" | "off" as state:
                services.change_group(group=group, active=state == "on")
            case "remove":
                services.remove_group(group=group)
    except FinanceError as error:
        messages.error(request, error.detail)
    return redirect("web:rules", book.pk)
