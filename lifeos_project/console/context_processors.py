"""The frame around every household page: books, menu, user menu. Nothing is queried before a template needs it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from core.clock import today_in
from finance.ledger.selectors import memberships_of
from finance.models import Book, Membership, Role
from identity.models import User
from insights.selectors import unread_count

THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An item of a menu."""

    label: str
    url: str
    icon: str
    current: bool = False
    count: int = 0
    phone_only: bool = False
    wide_only: bool = False


class Shell:
    """The frame of one request; `book` is the member's book that the address names, else None."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def user(self) -> User | AnonymousUser:
        return getattr(self._request, "user", AnonymousUser())

    @cached_property
    def theme(self) -> str:
        """ "light", "dark", or "" to follow the system."""
        chosen = self._request.COOKIES.get("theme", "")
        return chosen if chosen in THEMES else ""

    @cached_property
    def memberships(self) -> list[Membership]:
        if not self.user.is_authenticated:
            return []
        # A page of a book has read them already.
        read: list[Membership] | None = getattr(self._request, "memberships", None)
        return memberships_of(user=self.user) if read is None else read

    @cached_property
    def _membership(self) -> Membership | None:
        match = self._request.resolver_match
        book_id = match.kwargs.get("book_id") if match else None
        return next((one for one in self.memberships if one.book_id == book_id), None)

    @property
    def book(self) -> Book | None:
        return self._membership.book if self._membership else None

    @property
    def is_partial(self) -> bool:
        """Whether the member sees some of the book's accounts only, and so some of its pages."""
        return self._membership is not None and not self._membership.sees_all

    @cached_property
    def can_add(self) -> bool:
        """Whether the member may add entries."""
        return self._membership is not None and Role(self._membership.role).rank >= Role.EDITOR.rank

    @cached_property
    def can_write(self) -> bool:
        """Whether the member may also change what is there."""
        return self.can_add and not self.is_partial

    @property
    def is_owner(self) -> bool:
        return self._membership is not None and self._membership.role == Role.OWNER

    @property
    def role_label(self) -> str:
        return str(Role(self._membership.role).label) if self._membership else ""

    @property
    def import_url(self) -> str | None:
        """Where people import a bank file, if they may."""
        return _address("web:imports", book_id=self.book.pk) if self.book and self.can_write else None

    @property
    def insights_url(self) -> str | None:
        return _address("insights:feed", book_id=self.book.pk) if self.book and not self.is_partial else None

    @property
    def members_url(self) -> str | None:
        return _address("web:members", book_id=self.book.pk) if self.book else None

    @property
    def search_url(self) -> str | None:
        return _address("web:search", book_id=self.book.pk) if self.book and not self.is_partial else None

    @property
    def add_url(self) -> str | None:
        """Where people add an entry, if they may."""
        return _address("web:entry_new", book_id=self.book.pk) if self.book and self.can_add else None

    @property
    def initial(self) -> str:
        return str(getattr(self.user, "name", "") or getattr(self.user, "email", ""))[:1].upper()

    @cached_property
    def nav(self) -> list[Link]:
        """The main menu. An item without an address is left out.

        A telephone's bar has room for six; what is `wide_only` stands there in the user's menu.
        """

        def unread() -> int:
            return unread_count(book_id=self.book.pk, on=today_in(book=self.book)) if self.book else 0

        if self.is_partial:
            open_ones = [
                self._room(_("Overview"), "web:overview", "overview", ("overview",)),
                self._room(_("Accounts"), "web:accounts", "accounts", ("account", "register", "entry")),
                self._room(_("Members"), "web:members", "settings", ("member",)),
            ]
            return [room for room in open_ones if room]
        rooms = [
            self._room(_("Overview"), "web:overview", "overview", ("overview", "proof", "dashboard")),
            self._room(_("Accounts"), "web:accounts", "accounts", ("account", "register", "entry")),
            self._room(_("Plan"), "web:plan", "plan", ("plan",)),
            self._room(_("People"), "web:people", "people", ("people", "invoice", "recurring_invoice")),
            self._room(_("Import"), "web:imports", "import", ("import",), wide_only=True),
            self._room(_("Reports"), "web:reports", "reports", ("report", "currencies")),
            self._room(_("Insights"), "insights:feed", "insights", (), count=unread),
            self._room(
                _("Settings"),
                "web:settings",
                "settings",
                ("settings", "member", "invitation", "webhook", "rule"),
                wide_only=True,
            ),
        ]
        return [room for room in rooms if room]

    def _room(
        self,
        label: str,
        view: str,
        icon: str,
        prefixes: tuple[str, ...],
        count: Callable[[], int] = lambda: 0,
        wide_only: bool = False,
    ) -> Link | None:
        url = _address(view, book_id=self.book.pk) if self.book else None
        if url is None:
            return None
        match = self._request.resolver_match
        current = (
            match is not None
            and match.namespace == view.partition(":")[0]
            and (not prefixes or (match.url_name or "").startswith(prefixes))
        )
        return Link(label=label, url=url, icon=icon, current=current, count=count(), wide_only=wide_only)

    @cached_property
    def user_links(self) -> list[Link]:
        imports_url = self.book and _address("web:imports", book_id=self.book.pk)
        settings_url = self.book and _address("web:settings", book_id=self.book.pk)
        links = [
            (_("Import"), None if self.is_partial else imports_url, "import", True),
            (_("Book settings"), None if self.is_partial else settings_url, "settings", True),
            (_("Your account"), _address("profile"), "user", False),
        ]
        if self.book and self.can_add:
            links.insert(0, (_("Quick entry"), _address("web:quick", book_id=self.book.pk), "plus", False))
        if getattr(self.user, "is_staff", False):
            links.append((_("Operator's admin"), _address("admin:index"), "proof", False))
        return [Link(label=label, url=url, icon=icon, phone_only=phone) for label, url, icon, phone in links if url]

    @cached_property
    def sign_out_url(self) -> str | None:
        return _address("logout")


def _address(view: str, **kwargs: Any) -> str | None:
    try:
        return reverse(view, kwargs=kwargs or None)
    except NoReverseMatch:
        return None


def shell(request: HttpRequest) -> dict[str, Shell]:
    """Context processor: `shell` in every template."""
    return {"shell": Shell(request)}
