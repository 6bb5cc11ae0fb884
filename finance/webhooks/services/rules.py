"""What the operator allows, and what an address, a choice of events and a description must look like."""

from collections.abc import Collection

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from finance.errors import Invalid
from finance.webhooks.bodies import announced_events
from finance.webhooks.targets import LONGEST_URL, BadUrl, Policy, Target, parse_url

LONGEST_DESCRIPTION = 200

_REASONS = {
    "long": gettext_lazy("An address has at most %(longest)d characters."),
    "form": gettext_lazy("This is not a valid address; write special characters as %%20 and the like."),
    "scheme": gettext_lazy("The address must begin with https://."),
    "user": gettext_lazy("The address must not contain a user or password; the signature proves each request."),
    "host": gettext_lazy("The address needs the name of a host."),
    "port": gettext_lazy("The port must be 80, 443, or 1024 and higher."),
    "private": gettext_lazy("The address leads to a network that webhooks may not reach."),
}
_SCHEME_WITH_HTTP = gettext_lazy("The address must begin with https:// or http://.")


def policy() -> Policy:
    """What the operator's settings allow."""
    return Policy(
        allow_http=settings.WEBHOOK_ALLOW_HTTP,
        allow_private=settings.WEBHOOK_ALLOW_PRIVATE,
        networks=settings.WEBHOOK_ALLOWED_NETWORKS,
    )


def checked_target(url: str) -> Target:
    """The address taken apart. Raises Invalid at `url`."""
    try:
        return parse_url(url, policy=policy())
    except BadUrl as error:
        reason = _REASONS[error.reason]
        if error.reason == "scheme" and settings.WEBHOOK_ALLOW_HTTP:
            reason = _SCHEME_WITH_HTTP
        raise Invalid(field="url", reason=reason % {"longest": LONGEST_URL}) from error


def checked_event_types(names: Collection[str]) -> list[str]:
    """The names in order, each once; none means all. Raises Invalid at `event_types`."""
    known = {cls.name for cls in announced_events()}
    unknown = sorted(set(names) - known)
    if unknown:
        raise Invalid(field="event_types", reason=_("There is no event called %(name)s.") % {"name": unknown[0]})
    return sorted(set(names))


def checked_description(text: str) -> str:
    """The text without blanks around it. Raises Invalid at `description`."""
    text = " ".join(text.split())
    if len(text) > LONGEST_DESCRIPTION:
        reason = _("A description has at most %(longest)d characters.") % {"longest": LONGEST_DESCRIPTION}
        raise Invalid(field="description", reason=reason)
    return text
