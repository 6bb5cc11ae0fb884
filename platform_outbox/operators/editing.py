"""Payloads for operators: secrets hidden in what they see, and a corrected event in place of a dead letter.

A secret is known by the name of its field, by its shape, or as the value of one of our settings.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from platform_outbox.emit import emit
from platform_outbox.events import EnvelopeError, Event, event_from, kept_key, known_events, payload_of
from platform_outbox.models import Attempt, OutboxMessage, Status
from platform_outbox.operators import actions

MASK = "••••••"
SHORTEST_SECRET = 8

_SECRET_NAME = re.compile(
    r"secret|passw|passphrase|token|api_?key|private_?key|signing_?key|credential|authorization|cookie|signature",
    re.IGNORECASE,
)
_SECRET_SETTING = re.compile(r"^[A-Z_]*(SECRET|PASSWORD|TOKEN|KEY)$")
_SECRET_SHAPE = (
    (re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"), MASK),  # user:password in a URL
    (re.compile(r"\b(Bearer|Basic)\s+[\w+/=.~-]{8,}", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"\bwhsec_[\w+/=-]+"), MASK),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), MASK),  # a JWT
    (re.compile(r"\b((?:password|passwd|secret|token|api_?key)\s*[=:]\s*)[^\s,;&'\"]+", re.IGNORECASE), rf"\1{MASK}"),
)
_ADDRESS = re.compile(r"[\w.%+'-]+@[\w-]+(?:\.[\w-]+)+")


def masked(value: Any, *, name: str = "") -> Any:
    """A copy of a JSON value in which secrets are masked; addresses stay, as people who may read payloads look for them."""
    if _SECRET_NAME.search(name) and value not in (None, "", [], {}):
        return MASK
    if isinstance(value, Mapping):
        return {key: masked(each, name=str(key)) for key, each in value.items()}
    if isinstance(value, list):
        return [masked(each) for each in value]
    return _without_secrets(value) if isinstance(value, str) else value


def masked_text(text: str) -> str:
    """An error message, a traceback or an ordering key in which secrets and e-mail addresses are masked."""
    return _ADDRESS.sub(MASK, _without_secrets(text))


def _without_secrets(text: str) -> str:
    for secret in _own_secrets():
        text = text.replace(secret, MASK)
    for pattern, stand_in in _SECRET_SHAPE:
        text = pattern.sub(stand_in, text)
    return text


def unmasked(edited: Any, *, original: Any) -> Any:
    """What an operator edited, with the secrets that were masked put back from the original."""
    if isinstance(edited, dict) and isinstance(original, Mapping):
        return {key: unmasked(value, original=original.get(key)) for key, value in edited.items()}
    if isinstance(edited, list) and isinstance(original, list):
        kept = original + [None] * (len(edited) - len(original))
        return [unmasked(value, original=kept[place]) for place, value in enumerate(edited)]
    return original if edited == masked(original) or edited == MASK else edited


@lru_cache(maxsize=1)
def _own_secrets() -> tuple[str, ...]:
    """Values of this installation's settings that must never be shown, longest first."""
    found = [getattr(settings, name) for name in dir(settings) if _SECRET_SETTING.search(name)]
    found += [database.get("PASSWORD") for database in settings.DATABASES.values()]
    texts = {value for value in found if isinstance(value, str) and len(value) >= SHORTEST_SECRET}
    return tuple(sorted(texts, key=len, reverse=True))


class EditRefused(Exception):
    """The edited event cannot be emitted; the message says why."""


def replacement_for(message: OutboxMessage, payload: Mapping[str, Any]) -> Event:
    """The event that would be emitted with this payload; raises EditRefused.

    It has the type and ordering key of the dead letter. Where the version of the dead letter is unknown here, the
    payload must be one of the newest version.
    """
    newest = {cls.name: cls.version for cls in known_events()}.get(message.event_type, message.event_version)
    try:
        event = event_from(name=message.event_type, version=min(message.event_version, newest), payload=payload)
        unchanged = payload_of(event) == message.payload
    except EnvelopeError as error:
        raise EditRefused(str(error)) from error
    if unchanged:
        raise EditRefused(_("Nothing is changed. Try the event again instead."))
    if kept_key(event.ordering_key) != message.ordering_key:
        told = _("The ordering key would change from %(old)s to %(new)s: that would be another book's event.")
        raise EditRefused(told % {"old": message.ordering_key, "new": kept_key(event.ordering_key)})
    return event


def edit_as_new(*, event_id: int, payload: Mapping[str, Any], by: str) -> int:
    """Emit a new event with the edited payload, discard the dead letter for good, and return the new one's id.

    Every handler runs for the new event, also those that have handled the old one. Raises EditRefused.
    """
    with transaction.atomic():
        old = OutboxMessage.objects.select_for_update().filter(pk=event_id).first()
        if old is None or old.status != Status.DEAD or old.discarded_at is not None:
            raise EditRefused(_("Only a dead letter that nobody has dealt with can be edited."))
        new_id = emit(replacement_for(old, payload))
        OutboxMessage.objects.filter(pk=new_id).update(edited_from=old.pk)
        actions.discard(ids=[old.pk], by=by)
        Attempt.objects.bulk_create(
            Attempt(
                message_id=message_id, handler="", number=number, outcome=Attempt.Outcome.EDITED, worker=by[:120],
                error_message=f"#{old.pk} → #{new_id}", at=timezone.now(),
            )
            for message_id, number in ((old.pk, old.attempts), (new_id, 0))
        )  # fmt: skip
    return new_id
