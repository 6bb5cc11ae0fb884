"""Addresses by which calendars of phones and computers read what is coming."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Book


class CalendarFeed(models.Model):
    """A member's secret address of what is coming in one book. Only the hash of its token is kept."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", db_index=False, verbose_name=_("book"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("member"))
    token_hash = models.CharField(max_length=64)
    with_amounts = models.BooleanField(_("with amounts"), default=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    used_at = models.DateTimeField(_("last read"), null=True, blank=True)

    class Meta:
        verbose_name = _("calendar address")
        verbose_name_plural = _("calendar addresses")
        constraints: ClassVar = [
            # Also how an address is found.
            models.UniqueConstraint(fields=["token_hash", "book"], name="finance_calendarfeed_token"),
            # One per member; making it again replaces it.
            models.UniqueConstraint(fields=["book", "user"], name="finance_calendarfeed_member"),
        ]

    def __str__(self) -> str:
        return f"calendar of #{self.user_id} in book #{self.book_id}"
