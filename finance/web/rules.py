"""A book's rules: everybody reads them, editors change them."""

import json
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
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

PER_PAGE = 100
MOST_BYTES = 2 * 1024 * 1024
# Problems of a file that are shown at once.
MOST_PROBLEMS = 10


class DocumentForm(forms.Form):
    """Rules from another book."""

    file = forms.FileField(
        label=gettext_lazy("File with rules"), help_text=gettext_lazy("As “Export rules” writes it.")
    )

    def clean_file(self) -> dict[str, Any]:
        """The document."""
        file: UploadedFile[Any] = self.cleaned_data["file"]
        if (file.size or 0) > MOST_BYTES:
            raise forms.ValidationError(_("The file is larger than 2 MB."))
        try:
            document = json.loads(file.read())
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(_("The file is not JSON.")) from error
        if not isinstance(document, dict):
            raise forms.ValidationError(_("This is no export of rules."))
        return document


@require_safe
@book_page()
def rules(request: HttpRequest, book: Book) -> HttpResponse:
    """The rules in the order in which they run, page by page."""
    names = Categories(book).names
    try:
        page = selectors.rules_page(book=book, after=selectors.read_cursor(request.GET.get("after")), limit=PER_PAGE)
    except Invalid as error:
        raise NotFound(thing="page") from error
    for group in page.groups:
        for rule in group.listed:  # type: ignore[attr-defined]
            rule.conditions_said = conditions_words(rule.definition, names)
            rule.actions_said = actions_words(rule.definition, names)
    context = {
        "book": book, "groups": page.groups, "next": page.next_id, "begins_later": "after" in request.GET,
        "applications": selectors.applications_of(book=book, limit=5),
    }  # fmt: skip
    return render(request, "finance/rules/list.html", context)


@require_safe
@book_page()
def rules_export(request: HttpRequest, book: Book) -> HttpResponse:
    """All rules as a file that another book can read."""
    answer = JsonResponse(services.export_rules(book=book), json_dumps_params={"ensure_ascii": False, "indent": 2})
    answer["Content-Disposition"] = content_disposition_header(True, f"{book.name}-rules.json") or ""
    return answer


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def rules_import(request: HttpRequest, book: Book) -> HttpResponse:
    """Add the rules of a file, all or none."""
    form = DocumentForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            added = services.import_rules(book=book, actor=user_of(request), document=form.cleaned_data["file"])
        except FinanceError as error:
            places = [f"{at}: {why}" for at, why in error.fields.items()]
            form.add_error("file", places[:MOST_PROBLEMS] or error.detail)
        else:
            said = ngettext("%(count)d rule is in the book now.", "%(count)d rules are in the book now.", len(added))
            messages.success(request, said % {"count": len(added)})
            return redirect("web:rules", book.pk)
    context = {"book": book, "form": form}
    return render(request, "finance/rules/import.html", context, status=400 if form.errors else 200)


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
        counts = {f"{name}-count": number for name, number in form.counts.items()}
        form = RuleForm(book=book, categories=categories, initial={**request.POST.dict(), **counts})
    elif posted is not None and form.is_valid() and not form.errors:
        try:
            if "check" in posted:
                draft = selectors.draft_engine(book=book, definition=form.definition)
                found = count_matches(book=book, engine=draft)
                matches = share_words(found.matched, found.looked)
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
