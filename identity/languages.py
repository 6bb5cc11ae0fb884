"""Whose language texts are in that nobody reads right now: mails, and what a worker writes down."""

from contextlib import AbstractContextManager

from django.conf import settings
from django.utils import translation

from identity.models import User


def language_of(user: User | None, *, otherwise: str = "") -> str:
    """The language that the user chose in the settings; else the one named, else the installation's."""
    known = dict(settings.LANGUAGES)
    wanted = (user.language if user else "", otherwise)
    return next((code for code in wanted if code in known), str(settings.LANGUAGE_CODE))


def in_language_of(*, email: str, otherwise: str) -> AbstractContextManager[None]:
    """Texts for the owner of this address: in their language if they have an account and chose one."""
    return translation.override(language_of(User.objects.filter(email=email).first(), otherwise=otherwise))
