"""Entries kept under a name, to be written again."""

import datetime
from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import Invalid
from finance.events.journal import EntryTemplateRemoved, EntryTemplateSaved
from finance.ledger.change_models import EntryTemplate
from finance.ledger.models import Book
from finance.ledger.posting import EntryDraft, LineDraft
from finance.ledger.services.drafts import accounts_for_posting, check_draft
from identity.models import User
from platform_outbox.emit import emit

MOST_TEMPLATES = 200


@transaction.atomic
def save_template(
    *, book: Book, actor: User | None, name: str, lines: Sequence[LineDraft], payee: str = "", description: str = ""
) -> EntryTemplate:
    """Keep an entry under a name; one of the same name (ignoring case) is replaced.

    Raises Invalid for a bad name and for more than 200 templates, and as post_entry does.
    """
    name = name.strip()
    if not 1 <= len(name) <= 80 or "\x00" in name:
        raise Invalid(field="name", reason=_("A name has 1 to 80 characters."))
    draft = EntryDraft(date=datetime.date(2000, 1, 1), payee=payee, description=description, lines=lines)
    check_draft(draft, accounts_for_posting(book=book, account_ids={line.account_id for line in lines}))
    Book.objects.select_for_update(no_key=True).get(pk=book.pk)  # two of one name come one after the other
    template = EntryTemplate.objects.filter(book=book, name__iexact=name).first()
    if template is None:
        if EntryTemplate.objects.filter(book=book).count() >= MOST_TEMPLATES:
            raise Invalid(
                reason=_("A book keeps at most %(most)s templates; remove one first.") % {"most": MOST_TEMPLATES}
            )
        template = EntryTemplate(book=book, created_by=actor)
    template.name, template.payee, template.description = name, payee, description
    template.lines = [{"account": line.account_id, "amount": line.amount, "memo": line.memo} for line in lines]
    template.save()
    emit(EntryTemplateSaved(book_id=book.pk, template_id=template.pk))
    return template


@transaction.atomic
def remove_template(*, template: EntryTemplate) -> None:
    """Remove a template; entries written from it stay."""
    emit(EntryTemplateRemoved(book_id=template.book_id, template_id=template.pk))
    template.delete()
