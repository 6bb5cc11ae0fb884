"""What happens to a book and its members."""

from dataclasses import dataclass
from typing import ClassVar

from finance.events.base import BookEvent
from platform_outbox.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class BookCreated(BookEvent):
    """A book was opened, with the accounts of its template."""

    name: ClassVar[str] = "finance.book.created"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookRenamed(BookEvent):
    """A book was renamed."""

    name: ClassVar[str] = "finance.book.renamed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookTimeZoneChanged(BookEvent):
    """A book's time zone was changed."""

    name: ClassVar[str] = "finance.book.time_zone_changed"
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BookHolidaysChanged(BookEvent):
    """A book was given the region whose public holidays its schedules keep off; an empty one: weekends only."""

    name: ClassVar[str] = "finance.book.holidays_changed"
    holidays: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BookDeleted(BookEvent):
    """A book was deleted: hidden, and restorable until its grace is over. Not sent to webhooks, which are silent from then on."""

    name: ClassVar[str] = "finance.book.deleted"
    announced: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BookRestored(BookEvent):
    """The deletion of a book was taken back."""

    name: ClassVar[str] = "finance.book.restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookErased(BookEvent):
    """All that a deleted book held was erased. Not sent to webhooks, which were erased with it."""

    name: ClassVar[str] = "finance.book.erased"
    announced: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BookErasureDue(Event):
    """A deleted book is to be erased without waiting for the periodic job. Internal: not sent to webhooks."""

    name: ClassVar[str] = "finance.book.erasure_due"
    # Of the book. Not called so: events of the book are forgotten while this one is handled.
    erase_id: int

    @property
    def ordering_key(self) -> str:
        return f"erasure:{self.erase_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookDeletionNotice(Event):
    """A member is to be told by mail that a book was deleted or restored. Internal: not sent to webhooks."""

    name: ClassVar[str] = "finance.book.deletion_notice"
    book_id: int
    user_id: int
    actor_id: int
    deleted: bool
    base_url: str
    language: str

    @property
    def ordering_key(self) -> str:
        return f"deletion notice:{self.book_id}:{self.user_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberInvited(BookEvent):
    """Somebody was invited to the book by e-mail."""

    name: ClassVar[str] = "finance.member.invited"
    invitation_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationIssued(Event):
    """An invitation is to be mailed. Its link is made when the mail is written."""

    name: ClassVar[str] = "finance.invitation.issued"
    invitation_id: int
    base_url: str
    language: str

    @property
    def ordering_key(self) -> str:
        return f"invitation:{self.invitation_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberJoined(BookEvent):
    """A user became a member of the book."""

    name: ClassVar[str] = "finance.member.joined"
    user_id: int
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRoleChanged(BookEvent):
    """A member's role was changed."""

    name: ClassVar[str] = "finance.member.role_changed"
    user_id: int
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAccountsChanged(BookEvent):
    """An owner changed which accounts a member sees."""

    name: ClassVar[str] = "finance.member.accounts_changed"
    user_id: int
    sees_all: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFiguresChanged(BookEvent):
    """A member changed which accounts they leave out of their own figures."""

    name: ClassVar[str] = "finance.member.own_figures_changed"
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRemoved(BookEvent):
    """A member lost access to the book."""

    name: ClassVar[str] = "finance.member.removed"
    user_id: int
