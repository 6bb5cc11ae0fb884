"""The page of columns in a browser: another role refreshes the rows, without a page load and without losing the focus."""

import pytest

from finance.imports.models import ImportBatch
from finance.imports.services import stage_import
from platform_outbox import testing

pytestmark = pytest.mark.browser

FILE = (
    "Kontoauszug;;;;;;;\nDatum;Empfänger;Zweck;IBAN Empfänger;BIC;Betrag;S/H;Saldo\n"
    "05.03.2026;Stadtwerke Köln;Strom;DE89370400440532013000;COBADEFFXXX;50,00;S;950,00\n"
    "06.03.2026;Arbeitgeber;Lohn März;DE12500105170648489890;INGDDEFFXXX;1.500,00;H;2.450,00\n"
    "07.03.2026;Bäckerei;Brot;;;4,50;S;2.445,50\n;Endsaldo;;;;;;2.445,50\nAlle Angaben ohne Gewähr;;;;;;;\n"
)


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_role_is_chosen_and_the_rows_follow(new_page, anna, book, accounts, size):
    account = accounts["Checking account"]
    batch = stage_import(book=book, account=account, actor=anna, data=FILE.encode("cp1252"), file_name="umsatz.csv")
    testing.drain()
    tab = new_page(user=anna, size=size)
    tab.goto(f"/b/{book.pk}/imports/{batch.pk}/columns/")
    rows = tab.locator(".as-read tbody tr")
    assert "Stadtwerke Köln" in rows.first.inner_text()
    payee = tab.locator("#id_role-1")
    payee.focus()
    payee.select_option("")
    rows.filter(has_text="Stadtwerke").wait_for(state="detached")
    assert "Strom" in rows.first.inner_text()
    assert tab.evaluate("document.activeElement.id") == "id_role-1"
    tab.get_by_role("button", name="Read the file this way").click()
    tab.wait_for_url(f"**/imports/{batch.pk}/**")
    testing.drain()
    assert ImportBatch.objects.get(pk=batch.pk).profile["payee_columns"] == []
    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
