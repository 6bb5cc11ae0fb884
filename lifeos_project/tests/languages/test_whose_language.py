"""Pages, mails and what a worker writes are in the language of whom they are for."""

import datetime
import re
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from django import forms
from django.conf import settings
from django.template import Context, Template
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext

from finance.imports.services import receive_file
from finance.ledger import services as ledger
from finance.ledger.uncategorised import uncategorised_ids
from identity import mail
from identity.models import User
from platform_outbox import testing
from platform_outbox.models import OutboxMessage

pytestmark = pytest.mark.django_db


def speaks(user, code):
    User.objects.filter(pk=user.pk).update(language=code)
    user.language = code


def said(text, code="de"):
    with translation.override(code):
        return gettext(text)


def test_a_page_is_in_the_users_language_else_the_browsers(client, owner):
    client.force_login(owner)

    def title(accepted):
        page = client.get(reverse("profile"), headers={"accept-language": accepted}).content.decode()
        return page.partition('<html lang="')[2].partition('"')[0], page.partition("<h1>")[2].partition("</h1>")[0]

    assert title("fr-CA") == ("fr", said("Your account", "fr"))
    assert title("nl") == ("en", "Your account")
    speaks(owner, "de")
    assert title("fr") == ("de", said("Your account"))


def test_the_settings_offer_every_language_by_its_own_name(client, owner):
    client.force_login(owner)
    page = client.get(reverse("profile")).content.decode()
    for code, name in (("de", "Deutsch"), ("es", "Español"), ("fr", "Français"), ("en-gb", "English (UK)")):
        assert f'<option value="{code}">{name}</option>' in page
    client.post(reverse("profile"), {"name": "Olga", "language": "es", "time_zone": ""})
    assert '<html lang="es"' in client.get(reverse("profile")).content.decode()


def test_figures_and_days_follow_the_language(client, owner, book, accounts, spend):
    spend(1234_56)
    client.force_login(owner)
    address = reverse("web:register", args=[book.pk, accounts.groceries.pk])
    assert "1,234.56" in client.get(address).content.decode()
    speaks(owner, "de")
    assert "1.234,56" in client.get(address).content.decode()


def test_a_refusal_of_the_api_follows_accept_language_and_its_code_does_not(client, owner, book):
    client.force_login(owner)
    address = f"/api/v1/books/{book.pk}/accounts/999999/"
    english, german = (client.get(address, headers={"accept-language": code}).json() for code in ("en", "de"))
    assert english["code"] == german["code"] == "not_found"
    assert english["detail"] == "No such account in this book."
    assert german["detail"] == said("No such {thing} in this book.").format(thing=said("account"))


def test_a_mail_is_in_the_language_of_its_reader(owner):
    speaks(owner, "fr")
    with translation.override("de"):
        for to in (owner.email, "stranger@example.org"):
            mail.send_after_commit(to=to, template="identity/mail/password_changed", context={"link": "https://x/"})
    payloads = [row.payload for row in OutboxMessage.objects.order_by("pk")]
    text = "Your LifeOS password was changed"
    assert [payload["subject"] for payload in payloads] == [said(text, "fr"), said(text, "de")]


def test_an_invitation_is_in_the_language_of_the_invited(owner, book, mailoutbox):
    invited = User.objects.create_user("nina@example.org", "correct horse battery")
    speaks(invited, "es")
    ledger.invite_member(
        book=book, actor=owner, email=invited.email, role="viewer", now=timezone.now(), base_url="http://testserver"
    )
    testing.drain()
    assert 'lang="es"' in mailoutbox[0].alternatives[0][0]


@pytest.mark.parametrize(("chosen", "asked", "code"), [("", "fr", "fr"), ("de", "fr", "de"), ("", "en", "en")])
def test_a_worker_tells_of_a_file_in_the_language_of_who_brought_it(book, accounts, owner, chosen, asked, code):
    """The reader is a child process without Django; what it says is stored."""
    speaks(owner, chosen)
    with translation.override(asked):
        batch = receive_file(book=book, account=accounts.checking, actor=owner, data=b"%PDF-1.4", file_name="a.pdf")
    testing.drain()
    batch.refresh_from_db()
    told = (
        said("This is a PDF document, made for reading on paper.", code),
        said("Please export the transactions as CSV or OFX (QFX) and try again.", code),
    )
    assert batch.problem == " ".join(told)


def test_what_is_said_of_rows_is_in_that_language_too(book, accounts, owner):
    speaks(owner, "de")
    data = b"Date,Payee,Amount\n2026-03-01,Employer,2000.00\n2026-02-30,Rewe,-35.50\n"
    batch = receive_file(book=book, account=accounts.checking, actor=owner, data=data, file_name="a.csv")
    testing.drain()
    new, broken = batch.rows.order_by("number")
    assert new.reason == said("Not seen before.")
    order = {"text": "2026-02-30", "order": said("year, month, day")}
    assert broken.reason == said("“%(text)s” is not a day of the calendar when read as %(order)s.") % order


def test_names_of_a_new_book_are_in_the_creators_language_and_known_to_all(owner):
    with translation.override("de"):
        book = ledger.create_book(owner=owner, name="Haus", base_currency="EUR", time_zone="Europe/Berlin")
    name = said("Uncategorised")
    assert name != "Uncategorised"
    assert book.accounts.filter(name=said("Groceries")).exists()
    assert uncategorised_ids(book=book) == set(book.accounts.filter(name=name).values_list("pk", flat=True))


# What programs read of a page: drawings, fields of days and numbers, addresses, and figures for scripts.
FOR_MACHINES = {
    *("d", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "viewbox", "datetime", "href", "min", "max", "step"),
    *("data-figure", "data-converted", "name", "for", "id"),
}


class ForMachines(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        kept = {name: value for name, value in attrs if name in FOR_MACHINES}
        if dict(attrs).get("type") in ("date", "number"):
            kept["value"] = dict(attrs).get("value")
        self.found.append((tag, kept))


class Day(forms.Form):
    day = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}))


@pytest.mark.parametrize("code", dict(settings.LANGUAGES))
def test_what_django_writes_by_itself_is_for_machines(code):
    with translation.override(code):
        assert Template("{{ half }} {{ many }}").render(Context({"half": Decimal("0.5"), "many": 12345})) == "0.5 12345"
        assert 'value="2026-03-01"' in str(Day(initial={"day": datetime.date(2026, 3, 1)})["day"])
        assert Day({"day": "2026-03-01"}).is_valid()


def test_what_browsers_read_is_the_same_in_every_language(client, owner, book, accounts, spend):
    """Numbers in drawings and days in date fields must not follow the language."""
    for amount, category in ((1234_56, accounts.groceries), (98_70, accounts.rent)):
        spend(amount, category=category)
    spend(-3333_33, category=accounts.salary)
    client.force_login(owner)
    base = f"/b/{book.pk}"
    for address in (
        f"{base}/",
        f"{base}/accounts/{accounts.checking.pk}/?start=2026-03-01&end=2026-03-31",
        f"{base}/reports/cash-flow/?period=2026-03",
        f"{base}/rules/dry-run/?since=2026-03-01",
        f"{base}/entries/new/?mode=spent",
    ):
        pages = {}
        for code in ("en", "de", "en-gb"):
            speaks(owner, code)
            answer = client.get(address)
            assert answer.status_code == 200
            pages[code] = ForMachines(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "*", answer.content.decode()))
        assert len(pages["en"].found) > 50
        assert pages["de"].found == pages["en"].found == pages["en-gb"].found, address
