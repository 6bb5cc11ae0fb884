"""Every page of a filled book, and what can be opened on it."""

from functools import partial

from finance.imports.models import ImportBatch
from finance.models import Account, AccountStatement, JournalEntry, Rule, WebhookEndpoint
from insights.models import Insight


def pages_of(book):
    """Addresses of all household pages of the book."""
    b = f"/b/{book.pk}"
    account = {one.name: one.pk for one in Account.objects.filter(book=book)}
    entry = {one.payee: one.uid for one in JournalEntry.objects.filter(book=book).order_by("pk")}
    addresses = [
        f"{b}/",
        f"{b}/proof/",
        f"{b}/search/?q=aldi",
        f"{b}/accounts/?closed=1",
        f"{b}/accounts/new/",
        f"{b}/accounts/{account['Checking account']}/",
        f"{b}/accounts/{account['Cash']}/?q=kiosk&all=on&min=0.5",
        f"{b}/accounts/{account['Food']}/",
        f"{b}/accounts/{account['Checking account']}/edit/",
        *(f"{b}/entries/new/?mode={mode}" for mode in ("spent", "moved", "exchanged", "split", "lines")),
        f"{b}/entries/{entry['Kiosk']}/",
        f"{b}/entries/{entry['IKEA']}/edit/",
        f"{b}/entries/{entry['IKEA']}/reverse/",
        f"{b}/changes/",
        f"{b}/rates/",
        f"{b}/rates/new/?from=USD",
        f"{b}/rates/import/",
        f"{b}/currencies/",
        f"{b}/accounts/{account['Car']}/values/",
        f"{b}/cards/",
        f"{b}/reports/",
        f"{b}/reports/spending/",
        f"{b}/reports/spending/rows/?row=section-spending&column=0",
        f"{b}/reports/income-statement/?period=this-year",
        f"{b}/reports/balance-sheet/?compare=previous&as_of=2026-11-30",
        f"{b}/reports/trial-balance/",
        f"{b}/settings/",
        f"{b}/settings/export/",
        f"{b}/accounts/{account['Checking account']}/statements/",
        f"{b}/accounts/{account['Checking account']}/statements/new/",
        *(f"{b}/statements/{one.pk}/" for one in AccountStatement.objects.filter(book=book)),
        f"{b}/members/",
    ]
    hook = WebhookEndpoint.objects.get(book=book)
    message = hook.deliveries.filter(attempts_made__gt=0).latest("pk")
    batch = ImportBatch.objects.get(book=book)
    rule = Rule.objects.get(book=book)
    insight = Insight.objects.filter(book_id=book.pk).first()
    return [
        *addresses,
        f"{b}/imports/",
        f"{b}/imports/{batch.pk}/",
        f"{b}/imports/{batch.pk}/columns/",
        f"{b}/rules/",
        f"{b}/rules/new/?entry={entry['Kiosk']}",
        f"{b}/rules/{rule.pk}/",
        f"{b}/rules/{rule.pk}/edit/",
        f"{b}/rules/dry-run/",
        f"{b}/rules/applications/{rule.book.rule_applications.get().pk}/",
        f"{b}/webhooks/",
        f"{b}/webhooks/new/",
        f"{b}/webhooks/{hook.pk}/",
        f"{b}/webhooks/{hook.pk}/deliveries/{message.pk}/",
        f"{b}/insights/",
        f"{b}/insights/{insight.pk}/",
    ]


def open_pages(tab):
    """The page as it opens, and then with its menus, folds and rows unfolded: (name, what opens it)."""
    yield "", None
    if tab.locator("details.menu, details.fold, .register .unfold").count():
        yield "unfolded", partial(_unfold, tab)


def _unfold(tab):
    tab.evaluate("for (const fold of document.querySelectorAll('details.fold')) fold.open = true")
    if tab.locator(".register .unfold").count() and not tab.locator(".unfolded").count():
        tab.locator(".register .unfold").first.click()
        tab.wait_for_selector(".unfolded")
    if tab.locator(".user-menu > summary").count() and not tab.locator(".user-menu[open]").count():
        tab.locator(".user-menu > summary").click()
