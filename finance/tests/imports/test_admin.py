"""Operators look at imports and undo them; nothing else."""

import pytest
from django.test import Client

from finance.imports.models import ImportBatch
from finance.ledger.selectors import balance_of
from identity.models import User

LIST = "/admin/finance/importbatch/"


@pytest.fixture
def operator(db):
    client = Client()
    client.force_login(User.objects.create_superuser("root@example.org", "correct horse battery"))
    return client


def text(answer):
    return " ".join(answer.content.decode().split())


def test_the_list_leads_to_an_import_that_cannot_be_edited(operator, stage, confirm):
    batch = confirm(stage())
    assert "march.csv" in text(operator.get(LIST))
    page = text(operator.get(f"{LIST}{batch.pk}/change/"))
    assert batch.sha256 in page
    assert 'name="_save"' not in page
    assert operator.get(f"{LIST}add/").status_code == 403
    assert operator.post(f"{LIST}{batch.pk}/delete/", {"post": "yes"}).status_code == 403


def test_undoing_asks_first_and_tells_how_many(operator, stage, confirm, accounts):
    batch = confirm(stage())
    chosen = {"action": "undo", "_selected_action": [batch.pk]}
    asked = text(operator.post(LIST, chosen))
    assert "1 import will be undone." in asked
    assert '<td class="ob-number">4</td>' in asked
    assert balance_of(account=accounts.checking) == 1957_50
    done = text(operator.post(LIST, {**chosen, "confirmed": "yes"}, follow=True))
    assert "march.csv is undone" in done
    assert balance_of(account=accounts.checking) == 0
    assert ImportBatch.objects.get().state == "undone"


def test_a_staged_import_is_not_undone(operator, stage):
    stage()
    page = text(
        operator.post(LIST, {"action": "undo", "_selected_action": [ImportBatch.objects.get().pk]}, follow=True)
    )
    assert "Only confirmed imports can be undone." in page


def test_the_list_takes_few_queries(operator, stage, django_assert_max_num_queries):
    for _ in range(3):
        stage()
    with django_assert_max_num_queries(20):
        operator.get(LIST)
