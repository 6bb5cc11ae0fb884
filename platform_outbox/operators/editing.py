"""Emitting a corrected event in the place of a dead letter."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from platform_outbox.emit import emit
from platform_outbox.events import EnvelopeError, Event, event_from, kept_key, known_events, payload_of
from platform_outbox.models import Attempt, OutboxMessage, Status
from platform_outbox.operators import actions


class EditRefused(Exception):
    """The edited event cannot be emitted; the message says why."""


def replacement_for(message: OutboxMessage, payload: Mapping[str, Any]) -> Event:
    """The event that would be emitted with this payload; raises EditRefused.

    It has the type and ordering key of the dead letter. Where the version of the dead letter is unknown here, the
    payload must be one of the newest version.
    """
    try:
        event = event_from(name=message.event_type, version=_version_for(message), payload=payload)
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

    Every handler runs for the new event, also those that were through with the old one. Raises EditRefused.
    """
    with transaction.atomic():
        old = OutboxMessage.objects.select_for_update().filter(pk=event_id).first()
        if old is None or old.status != Status.DEAD or old.discarded_at is not None:
            raise EditRefused(_("Only a dead letter that nobody has dealt with can be edited."))
        new_id = emit(replacement_for(old, payload))
        OutboxMessage.objects.filter(pk=new_id).update(edited_from=old.pk)
        actions.discard(ids=[old.pk], by=by)
        now = timezone.now()
        Attempt.objects.bulk_create(
            Attempt(
                message_id=message_id,
                handler="",
                number=old.attempts if message_id == old.pk else 0,
                outcome=Attempt.Outcome.EDITED,
                worker=by[:120],
                error_message=f"#{old.pk} → #{new_id}",
                at=now,
            )
            for message_id in (old.pk, new_id)
        )
    return new_id


def _version_for(message: OutboxMessage) -> int:
    newest = {cls.name: cls.version for cls in known_events()}.get(message.event_type, message.event_version)
    return min(message.event_version, newest)
