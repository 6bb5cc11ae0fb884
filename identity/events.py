"""The events that identity emits. Payloads hold what a mail is made from, never a link that opens an account."""

from dataclasses import dataclass
from typing import ClassVar

from platform_outbox.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class MailWanted(Event):
    """A mail without secrets is to be sent."""

    name: ClassVar[str] = "identity.mail.wanted"
    to: str
    template: str
    subject: str
    text: str
    html: str

    @property
    def ordering_key(self) -> str:
        return f"mail:{self.to}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignupRequested(Event):
    """Somebody asked for a link to sign up."""

    name: ClassVar[str] = "identity.signup.requested"
    email: str
    invited: bool
    next_path: str
    base_url: str
    language: str

    @property
    def ordering_key(self) -> str:
        return f"mail:{self.email}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordResetRequested(Event):
    """A user asked for a link to choose a new password."""

    name: ClassVar[str] = "identity.password_reset.requested"
    user_id: int
    base_url: str
    language: str

    @property
    def ordering_key(self) -> str:
        return f"user:{self.user_id}"
