"""A book's tags with what they add up to, and the tags of one entry."""

import uuid

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from core.keyset import keyset_page
from finance.errors import FinanceError, Invalid, NotFound
from finance.ledger.selectors import book_for, entry_for
from finance.ledger.services.changes import Changed
from finance.models import Book, JournalEntry, Role, Tag
from finance.tags import selectors, services
from finance.tags.models import TagColour
from finance.web.access import book_page, id_in, user_of
from finance.web.changes import say_changed
from finance.web.refusals import refuse

PAGE = 100
MOST_TYPED = 50


class TagForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=services.LONGEST_NAME)
    colour = forms.ChoiceField(label=gettext_lazy("Colour"), choices=TagColour.choices)


@require_http_methods(["GET", "POST"])
@book_page()
def tags(request: HttpRequest, book: Book) -> HttpResponse:
    """All tags by age with the number of their entries and what was spent and received; editors add one."""
    form = TagForm(request.POST or None, initial={"colour": TagColour.GREY})
    if request.method == "POST":
        book_for(user=user_of(request), book_id=book.pk, at_least=Role.EDITOR)
        if form.is_valid():
            try:
                services.save_tag(book=book, **form.cleaned_data)
            except FinanceError as error:
                refuse(form, error)
            else:
                return redirect("web:tags", book.pk)
    after = request.GET.get("after")
    page = keyset_page(
        Tag.objects.filter(book=book),
        ordering=("id",),
        after=[id_in(after, thing="page")] if after else None,
        limit=PAGE,
    )
    figures = selectors.tag_figures(book=book, tag_ids=[tag.pk for tag in page.rows])
    context = {
        "book": book,
        "form": form,
        "rows": [(tag, figures[tag.pk]) for tag in page.rows],
        "next": page.edge.pk if page.edge else None,
    }
    return render(request, "web/tags.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def tag(request: HttpRequest, book: Book, tag_id: int) -> HttpResponse:
    """Rename, recolour, merge or remove a tag."""
    changed = selectors.tag_for(book=book, tag_id=tag_id)
    form = TagForm(
        request.POST if request.POST.get("do") == "save" else None,
        initial={"name": changed.name, "colour": changed.colour},
    )
    others = list(selectors.tags_of(book=book).exclude(pk=changed.pk))
    if request.method == "POST":
        try:
            match request.POST.get("do"):
                case "save" if form.is_valid():
                    services.save_tag(book=book, tag=changed, **form.cleaned_data)
                    return redirect("web:tags", book.pk)
                case "merge":
                    into = next((each for each in others if str(each.pk) == request.POST.get("into")), None)
                    if into is None:
                        raise NotFound(thing="tag")
                    services.merge_tag(tag=changed, into=into)
                    names = {"tag": changed.name, "into": into.name}
                    messages.success(request, _("“%(tag)s” is “%(into)s” now, on every entry.") % names)
                    return redirect("web:tags", book.pk)
                case "remove":
                    services.remove_tag(tag=changed)
                    messages.success(request, _("“%(tag)s” was removed.") % {"tag": changed.name})
                    return redirect("web:tags", book.pk)
        except NotFound:
            raise
        except FinanceError as error:
            refuse(form, error)
    figures = selectors.tag_figures(book=book, tag_ids=[changed.pk])[changed.pk]
    context = {"book": book, "tag": changed, "form": form, "others": others, "figures": figures}
    return render(request, "web/tag.html", context, status=400 if form.errors else 200)


@require_POST
@book_page(at_least=Role.EDITOR)
def entry_tags(request: HttpRequest, book: Book, uid: uuid.UUID) -> HttpResponse:
    """Set the tags of an entry from what was typed; the entry itself is not corrected."""
    entry = entry_for(book=book, uid=uid)
    try:
        tags = _named(request, book)
        change = services.set_tags(book=book, actor=user_of(request), entry_id=entry.pk, tags=tags)
    except FinanceError as error:
        messages.error(request, error.detail)
    else:
        say_changed(request, book, Changed(change=change))
    return redirect("web:entry", book.pk, uid)


def save_tags(request: HttpRequest, entry: JournalEntry) -> dict[str, dict[str, services.Links]]:
    """Put the tags on the entry that the form names in `tags`, with commas between; a form without it changes nothing.

    Returns what changed, for the record of the change that it is part of. Raises Invalid and Conflict, as `tags_named`.
    """
    if "tags" not in request.POST:
        return {}
    tags = _named(request, entry.book)
    links = services.put_tags(book=entry.book, actor=user_of(request), entry_id=entry.pk, tags=tags)
    return {"tags": links} if any(links.values()) else {}


def _named(request: HttpRequest, book: Book) -> list[Tag]:
    names = [name for name in request.POST.get("tags", "").split(",") if name.strip()]
    if len(names) > MOST_TYPED:
        raise Invalid(field="tags", reason=_("Enter at most %(most)d tags.") % {"most": MOST_TYPED})
    return services.tags_named(book=book, names=names)


def typed_tags(request: HttpRequest, entry: JournalEntry | None = None) -> str:
    """The value of the field: what was typed, or the entry's tags."""
    if "tags" in request.POST:
        return request.POST["tags"]
    shown = selectors.tags_of_entries(book=entry.book, entry_ids=[entry.pk]).get(entry.pk, []) if entry else []
    return ", ".join(each.name for each in shown)
