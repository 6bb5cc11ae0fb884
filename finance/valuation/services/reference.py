"""Published reference rates: fetched from where the operator says, and stored once for all books."""

import datetime
import http.client
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from core.copying import copy_rows
from finance.events.reports import ReferenceRatesDue
from finance.valuation.ecb import LARGEST_FILE, Published, RatesUnreadable, read_published
from finance.valuation.models import ReferenceFetch, ReferenceRate
from platform_outbox.emit import emit

ECB = "ecb"
FETCH_SECONDS = 60  # in all
SILENCE_SECONDS = 15
# A published rate may be put right within days; older ones are taken as they are.
LOOKED_AT_AGAIN = datetime.timedelta(days=14)
FETCHES_KEPT = 100


class RatesAway(Exception):
    """The place that the rates come from does not answer. Says why."""


def ask_for_reference_rates() -> None:
    """Have a worker fetch the rates, where the operator has said where they are."""
    if settings.ECB_RATES:
        with transaction.atomic():
            emit(ReferenceRatesDue(source=ECB, host=rates_host()))


def rates_host() -> str:
    """Who is called: the host in the address, or "file"."""
    return (urlsplit(settings.ECB_RATES).hostname or "") if "://" in settings.ECB_RATES else "file"


def fetch_reference_rates() -> ReferenceFetch:
    """Read the file that ECB_RATES names and store what is new in it; the attempt is recorded with its result.

    Raises RatesAway, and RatesUnreadable for a file that has no rates.
    """
    try:
        published = read_published(_content(settings.ECB_RATES))
    except (RatesAway, RatesUnreadable) as error:
        _note(succeeded=False, said=str(error))
        raise
    with transaction.atomic():
        added = keep_published(published)
        through = max(rate.date for rate in published)
        return _note(
            succeeded=True, said=_("%(count)s rates read.") % {"count": len(published)}, through=through, added=added
        )


def keep_published(published: list[Published]) -> int:
    """Keep the rates that are new, and those of the last days that differ; returns how many."""
    latest = ReferenceRate.objects.filter(source=ECB).aggregate(latest=Max("date"))["latest"]
    since = latest - LOOKED_AT_AGAIN if latest else datetime.date.min
    known = {
        (rate.date, rate.quote): rate for rate in ReferenceRate.objects.filter(source=ECB, base="EUR", date__gte=since)
    }
    new, changed = [], []
    for one in {(one.date, one.currency): one for one in published if one.date >= since}.values():
        before = known.get((one.date, one.currency))
        if before is None:
            new.append(ReferenceRate(source=ECB, base="EUR", quote=one.currency, date=one.date, rate=one.rate))
        elif before.rate != one.rate:
            before.rate = one.rate
            changed.append(before)
    copy_rows(new)
    ReferenceRate.objects.bulk_update(changed, ["rate"], batch_size=500)
    return len(new) + len(changed)


def _note(*, succeeded: bool, said: str, through: datetime.date | None = None, added: int = 0) -> ReferenceFetch:
    noted = ReferenceFetch.objects.create(
        source=ECB, succeeded=succeeded, said=said[:300], through=through, added=added
    )
    kept = ReferenceFetch.objects.order_by("-pk").values_list("pk", flat=True)[:FETCHES_KEPT]
    ReferenceFetch.objects.exclude(pk__in=list(kept)).delete()
    return noted


def _content(place: str) -> bytes:
    """The content of the address or file, up to one byte more than is accepted."""
    if "://" not in place:
        try:
            with Path(place).open("rb") as file:
                return file.read(LARGEST_FILE + 1)
        except OSError as error:
            raise RatesAway(_("The file cannot be read: %(strerror)s.") % {"strerror": error.strerror}) from error
    if not place.startswith(("https://", "http://")):
        raise RatesUnreadable(_("ECB_RATES is neither a file nor an address that begins with https:// or http://."))
    deadline = time.monotonic() + FETCH_SECONDS
    request = urllib.request.Request(place, headers={"User-Agent": "LifeOS"})  # noqa: S310
    found = b""
    try:
        with urllib.request.urlopen(request, timeout=SILENCE_SECONDS) as answer:  # noqa: S310
            while len(found) <= LARGEST_FILE and (more := answer.read1(64 * 1024)):
                found += more
                if time.monotonic() > deadline:
                    raise RatesAway(
                        _("The file was not complete after %(fetch_seconds)s seconds.")
                        % {"fetch_seconds": FETCH_SECONDS}
                    )
            if not more and answer.length:
                raise RatesAway(_("The connection was closed before the file was complete."))
    except urllib.error.HTTPError as error:
        raise RatesAway(_("The server answered %(code)s.") % {"code": error.code}) from error
    except (OSError, http.client.HTTPException) as error:
        raise RatesAway(
            _("The server cannot be reached: %(error)s.") % {"error": getattr(error, "reason", error)}
        ) from error
    return found
