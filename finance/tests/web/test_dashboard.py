"""Each person chooses and orders the cards of their overview, also without a mouse and without JavaScript."""

import re

import pytest

from finance.models import Dashboard, SavedReport
from finance.reports.dashboard import moved

pytestmark = pytest.mark.django_db


def titles(answer):
    """Headings of the overview in their order."""
    main = answer.content.decode().partition("<main")[2].partition("</main>")[0]
    return re.findall(r'<h2 id="([\w-]+)-title"', main)


@pytest.fixture
def report(send, spend):
    """A saved report of a book in which 12.34 was spent; its number."""
    spend(12_34)
    send("editor", "reports/save/", {"name": "Ours & theirs", "kind": "spending", "query": "by=payee&compare=none"})
    return SavedReport.objects.get().pk


def test_cards_stand_in_the_persons_order(page, send, spend):
    spend(12_34)
    assert titles(page("viewer")) == ["worth", "spending", "income", "look", "holdings", "ahead"]
    send("viewer", "cards/", {"down": "spending"})
    send("viewer", "cards/", {"hide": "worth"})
    send("viewer", "cards/", {"up": "holdings"})
    assert titles(page("viewer")) == ["income", "spending", "holdings", "look", "ahead"]
    assert titles(page("owner")) == ["worth", "spending", "income", "look", "holdings", "ahead"]
    send("viewer", "cards/", {"reset": "1"})
    assert titles(page("viewer")) == ["worth", "spending", "income", "look", "holdings", "ahead"]


def test_a_saved_report_says_its_sentence(page, send, report):
    send("viewer", "cards/", {"show": f"report-{report}"})
    html = page("viewer").content.decode()
    assert "Ours &amp; theirs" in html
    assert "You spent €12 in March 2026." in html
    assert "reports/spending/?compare=none&amp;by=payee" in html or "by=payee&amp;compare=none" in html


def test_a_report_that_can_not_be_made_says_why(page, send, report):
    send("viewer", "cards/", {"show": f"report-{report}"})
    SavedReport.objects.update(parameters={"columns": "fortnight"})
    assert "fortnight" in page("viewer").content.decode()


def test_an_unknown_card_changes_nothing(page, send):
    send("viewer", "cards/", {"show": "weather"})
    assert not Dashboard.objects.exists()
    assert page("viewer", "cards/").status_code == 200


@pytest.mark.parametrize(("person", "status"), [(None, 302), ("stranger", 404), ("viewer", 200), ("owner", 200)])
def test_who_may_arrange(page, send, person, status):
    assert page(person, "cards/").status_code == status
    assert send(person, "cards/", {"hide": "look"}).status_code == (302 if status in (200, 302) else status)
    assert Dashboard.objects.exists() == (status == 200)


@pytest.mark.parametrize(
    ("card", "up", "order"),
    [("b", True, "bac"), ("b", False, "acb"), ("a", True, "abc"), ("c", False, "abc"), ("x", True, "abc")],
)
def test_moving(card, up, order):
    assert moved("abc", card, up=up) == list(order)
