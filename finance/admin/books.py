"""Books, who shares them, and their verification."""

import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action, display
from unfold.widgets import INPUT_CLASSES

from core.clock import today_in
from core.formatting import count_text, moment_text
from finance.admin.reading import Uncounted, operator_of
from finance.errors import FinanceError
from finance.ledger import chain, services
from finance.ledger.integrity import verify_ledger
from finance.models import Book, Invitation, LedgerCheck, LeftOutAccount, MemberAccount, Membership
from platform_outbox.admin.base import Question, ReadOnly, State, ask, note, row_or_404

# Each takes a moment, and the operator waits for the page; the command takes all.
MOST_AT_ONCE = 20

_CHECK_COLOURS = {"sound": "success", "problems": "danger", "never": "warning", "warnings": "warning"}


class PeriodForm(forms.Form):
    """The day through which a book is closed."""

    through = forms.DateField(
        label=gettext_lazy("Closed through"),
        widget=forms.DateInput(attrs={"type": "date", "class": " ".join(INPUT_CLASSES)}, format="%Y-%m-%d"),
    )


class ReopenForm(PeriodForm):
    """An empty day opens the whole book."""

    through = forms.DateField(
        label=gettext_lazy("Closed through (leave empty to open the whole book)"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date", "class": " ".join(INPUT_CLASSES)}, format="%Y-%m-%d"),
    )


class MembershipInline(ReadOnly, TabularInline):
    model = Membership
    hide_title = True
    fields = readonly_fields = ("user", "role", "sees_all", "created_at")
    ordering = ("created_at",)
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        members: QuerySet[Membership] = super().get_queryset(request).select_related("user")
        return members


@admin.register(Book)
class BookAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("name", "base_currency", "members", "closed_through", "shown_check", "created_at", "erase_at")
    list_fullwidth = True
    ordering = ("-pk",)
    search_fields = ("name", "=pk")
    search_help_text = gettext_lazy("Name or number")
    actions = ("verify",)
    actions_detail = ("verify_one", "close", "reopen")
    inlines = (MembershipInline,)
    fields = readonly_fields = (
        *(
            "name",
            "base_currency",
            "time_zone",
            "holidays",
            "closed_through",
            "closed_at",
            "shown_check",
            "shown_head",
            "links",
            "created_at",
            "is_demo",
            "deleted_at",
            "erase_at",
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Book]:
        # In the select list, so that they are asked for the rows of the page only.
        latest = LedgerCheck.objects.filter(book=OuterRef("pk")).order_by("-checked_at")
        members = Membership.objects.filter(book=OuterRef("pk")).order_by().values("book").annotate(n=Count("pk"))
        return Book.objects.annotate(
            members_count=Subquery(members.values("n")),
            checked_at=Subquery(latest.values("checked_at")[:1]),
            check_problems=Subquery(latest.values("problems")[:1]),
        )

    def has_verify_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("finance.add_ledgercheck")

    def has_close_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("finance.change_book")

    @display(description=gettext_lazy("members"))
    def members(self, book: Any) -> int:
        return book.members_count or 0

    @display(description=gettext_lazy("verified"), label=_CHECK_COLOURS)
    def shown_check(self, book: Any) -> State:
        if book.checked_at is None:
            return State("never", _("never"))
        day = moment_text(book.checked_at)
        if book.check_problems:
            return State("problems", _("problems, %s") % day)
        return State("sound", _("sound, %s") % day)

    @display(description=gettext_lazy("head of the chain"))
    def shown_head(self, book: Book) -> str:
        state = chain.state_of(book=book, now=timezone.now())
        head, lines = state.head, []
        if head is None:
            lines.append(_("Nothing is sealed yet."))
        else:
            facts = {"seals": head.seals, "at": moment_text(head.sealed_at), "uid": head.entry_uid or "—"}
            lines.append(format_html('<code class="break-all">{}</code>', head.hash))
            told = ngettext(
                "%(seals)d entry is sealed, at %(at)s: %(uid)s",
                "%(seals)d entries are sealed, the last at %(at)s: %(uid)s",
                head.seals,
            )
            lines.append(told % facts)
        if state.lost is not None:
            facts = {"seals": state.lost.seals, "at": moment_text(state.lost.noted_at)}
            told = ngettext(
                "Broken: at the verification on %(at)s the book had %(seals)d seal, and it is gone.",
                "Broken: at the verification on %(at)s the book had %(seals)d seals, and they are gone.",
                state.lost.seals,
            )
            lines.append(format_html("<strong>{}</strong>", told % facts))
        if state.overdue_since is not None:
            facts = {"number": state.overdue, "at": moment_text(state.overdue_since)}
            told = ngettext(
                "%(number)d entry since %(at)s is not sealed.",
                "%(number)d entries since %(at)s are not sealed.",
                state.overdue,
            )
            lines.append(told % facts)
        return format_html_join(mark_safe("<br>"), "{}", ((line,) for line in lines))

    @display(description=gettext_lazy("show"))
    def links(self, book: Book) -> str:
        pages = (
            (_("accounts"), reverse("admin:finance_account_changelist")),
            (_("entries"), reverse("admin:finance_journalentry_changelist")),
            (_("imports"), reverse("admin:finance_importbatch_changelist")),
            (_("verifications"), reverse("admin:finance_ledgercheck_changelist")),
        )
        links = ((f"{url}?book__id__exact={book.pk}", label) for label, url in pages)
        return format_html_join(
            " · ", '<a class="text-primary-600 dark:text-primary-500 underline" href="{}">{}</a>', links
        )

    @admin.action(description=gettext_lazy("Verify the selected books"), permissions=["verify"])
    def verify(self, request: HttpRequest, queryset: QuerySet[Book]) -> None:
        books = list(queryset.order_by("pk")[: MOST_AT_ONCE + 1])
        if len(books) > MOST_AT_ONCE:
            said = _("Select at most %d books; “Verify books” under Operations checks all.") % MOST_AT_ONCE
            self.message_user(request, said, messages.WARNING)
            return
        for book in books:
            self._verify(request, book)

    @action(description=gettext_lazy("Verify"), url_path="verify", permissions=["verify"])
    def verify_one(self, request: HttpRequest, object_id: int) -> HttpResponse:
        # A link can be followed by anybody's hand; what writes a record waits for a post.
        book = row_or_404(Book.objects.all(), object_id=object_id)
        if request.method != "POST":
            return ask(
                request,
                self,
                Question(
                    title=_("Verify %s") % book.name,
                    button=_("Verify"),
                    consequence=_("All promises of the ledger are proven again from the postings. Nothing is changed."),
                    facts={_("Book"): book.name, _("Number"): book.pk},
                    back=_page_of(book),
                ),
            )
        self._verify(request, book)
        return HttpResponseRedirect(_page_of(book))

    @action(description=gettext_lazy("Close a period"), url_path="close", permissions=["close"])
    def close(self, request: HttpRequest, object_id: int) -> HttpResponse:
        book = row_or_404(Book.objects.all(), object_id=object_id)
        form = PeriodForm(
            request.POST or None, initial={"through": today_in(book).replace(day=1) - datetime.timedelta(days=1)}
        )
        if form.is_valid() and self._move(request, book, form, service=services.close_period, deed="closed"):
            return HttpResponseRedirect(_page_of(book))
        return ask(
            request,
            self,
            Question(
                title=_("Close a period of %s") % book.name,
                button=_("Close"),
                consequence=_(
                    "Nobody can post on or before that day any more. Corrections of older entries get a later date. You "
                    "can reopen the period."
                ),
                facts=_period_facts(book),
                form=form,
                back=_page_of(book),
            ),
        )

    @action(description=gettext_lazy("Reopen"), url_path="reopen", permissions=["close"])
    def reopen(self, request: HttpRequest, object_id: int) -> HttpResponse:
        book = row_or_404(Book.objects.all(), object_id=object_id)
        form = ReopenForm(request.POST or None)
        if form.is_valid() and self._move(request, book, form, service=services.reopen_period, deed="reopened"):
            return HttpResponseRedirect(_page_of(book))
        return ask(
            request,
            self,
            Question(
                title=_("Reopen %s") % book.name,
                button=_("Reopen"),
                consequence=_("Members can post into the opened days again, and change what past reports say."),
                facts=_period_facts(book),
                form=form,
                back=_page_of(book),
            ),
        )

    def _move(self, request: HttpRequest, book: Book, form: forms.Form, *, service: Any, deed: str) -> bool:
        through = form.cleaned_data["through"]
        try:
            service(book=book, actor=operator_of(request), through=through)
        except FinanceError as error:
            form.add_error("through", error.detail)
            return False
        note(request, book, f"{deed} through {through}" if through else f"{deed} altogether")
        if through:
            said = _("%(book)s is now closed through %(day)s.") % {"book": book.name, "day": through}
        else:
            said = _("%(book)s is now open.") % {"book": book.name}
        self.message_user(request, said, messages.SUCCESS)
        return True

    def _verify(self, request: HttpRequest, book: Book) -> None:
        report = verify_ledger(book=book, now=timezone.now())
        note(request, book, "verified: sound" if report.sound else f"verified: {len(report.problems)} promises broken")
        figures = {
            "book": book.name,
            "entries": count_text(report.entries),
            "problems": count_text(len(report.problems)),
        }
        if report.sound:
            said = ngettext(
                "%(book)s is sound: %(entries)s entry proven.",
                "%(book)s is sound: %(entries)s entries proven.",
                report.entries,
            )
        else:
            said = ngettext(
                "%(book)s is NOT sound: %(problems)s promise is broken. See its verifications.",
                "%(book)s is NOT sound: %(problems)s promises are broken. See its verifications.",
                len(report.problems),
            )
        self.message_user(request, said % figures, messages.SUCCESS if report.sound else messages.ERROR)
        for warning in report.warnings:
            self.message_user(request, " ".join(warning.examples), messages.WARNING)


class OfMemberInline(ReadOnly, TabularInline):
    fields = readonly_fields = ("account",)
    ordering = ("pk",)
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = super().get_queryset(request).select_related("account")
        return found


class MemberAccountInline(OfMemberInline):
    model = MemberAccount


class LeftOutAccountInline(OfMemberInline):
    model = LeftOutAccount


@admin.register(Membership)
class MembershipAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("user", "book", "role", "sees_all", "created_at")
    list_select_related = ("user", "book")
    inlines = (MemberAccountInline, LeftOutAccountInline)
    list_filter = (("book", AutocompleteSelectFilter), "role")
    list_filter_submit = True
    list_fullwidth = True
    ordering = ("-pk",)
    search_fields = ("user__email",)
    search_help_text = gettext_lazy("E-mail address")
    fields = readonly_fields = ("user", "book", "role", "sees_all", "created_at")


@admin.register(Invitation)
class InvitationAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("email", "book", "role", "shown_state", "invited_by", "created_at", "expires_at")
    list_select_related = ("book", "invited_by")
    list_filter = (("book", AutocompleteSelectFilter), "role")
    list_filter_submit = True
    list_fullwidth = True
    ordering = ("-pk",)
    search_fields = ("email",)
    search_help_text = gettext_lazy("E-mail address")
    # The token's hash is nobody's business.
    fields = readonly_fields = (
        *("email", "book", "role", "shown_state", "invited_by", "created_at", "expires_at", "accepted_at"),
    )

    @display(description=gettext_lazy("state"), label={"accepted": "success", "open": "info", "expired": "warning"})
    def shown_state(self, invitation: Invitation) -> State:
        if invitation.accepted_at is not None:
            return State("accepted", _("accepted"))
        is_open = invitation.expires_at > timezone.now()
        return State("open", _("open")) if is_open else State("expired", _("expired"))


@admin.register(LedgerCheck)
class LedgerCheckAdmin(Uncounted, ReadOnly, ModelAdmin):
    list_display = ("checked_at", "shown_book", "shown_result", "entries", "lines")
    list_select_related = ("book",)
    list_filter = (("book", AutocompleteSelectFilter),)
    list_filter_submit = True
    list_fullwidth = True
    ordering = ("-pk",)
    fields = readonly_fields = ("checked_at", "shown_book", "shown_result", "entries", "lines", "shown_problems")

    @display(description=gettext_lazy("book"))
    def shown_book(self, check: LedgerCheck) -> str:
        return check.book.name if check.book else _("all books")

    @display(description=gettext_lazy("result"), label=_CHECK_COLOURS)
    def shown_result(self, check: LedgerCheck) -> State:
        if check.problems:
            return State("problems", _("%d promises broken") % len(check.problems))
        if check.warnings:
            return State("warnings", _("sound, with warnings"))
        return State("sound", _("sound"))

    @display(description=gettext_lazy("problems"))
    def shown_problems(self, check: LedgerCheck) -> str:
        told = [*check.problems, *check.warnings]
        if not told:
            return _("none")
        parts = ((problem["promise"], problem["count"], "\n".join(problem["examples"])) for problem in told)
        return format_html(
            "{}", format_html_join("", '<p>{} ({})</p><pre class="whitespace-pre-wrap mb-4">{}</pre>', parts)
        )


def _page_of(book: Book) -> str:
    return reverse("admin:finance_book_change", args=[book.pk])


def _period_facts(book: Book) -> dict[str, object]:
    return {_("Book"): book.name, _("Closed through"): book.closed_through or _("not closed")}
