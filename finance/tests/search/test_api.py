"""Search over the API."""

import pytest


@pytest.mark.parametrize(
    ("person", "status"), [("anonymous", 401), ("stranger", 404), ("viewer", 200), ("editor", 200), ("owner", 200)]
)
def test_members_search(clients, url, person, status):
    assert clients[person].get(url("search/?q=a")).status_code == status


def test_what_is_found_is_told_with_totals_and_by_pages(api, url, spend, accounts):
    entries = [spend(amount, payee="Corner shop") for amount in (10_00, 20_00)]
    spend(-5_00, payee="Corner shop")
    page = api.get(url("search/?q=corner&limit=2")).json()
    assert (page["count"], page["searched_to"]) == (3, None)
    assert page["totals"] == [{"currency": "EUR", "came_in": "5.00", "went_out": "30.00"}]
    assert page["results"][1]["entry"] == str(entries[1].uid)
    assert page["results"][1]["moved"] == [{"currency": "EUR", "amount": "-20.00"}]
    assert [each["moved"][0]["amount"] for each in api.get(page["next"]).json()["results"]] == ["-10.00"]


@pytest.mark.parametrize("query", ["", "?q=", "?q=amount_more:1", "?q=a&x=1", "?q=a&cursor=zzz"])
def test_a_malformed_search_is_refused(api, url, query):
    answer = api.get(url(f"search/{query}"))
    assert answer.status_code == 400
    if "amount_more" in query:
        assert answer.json()["fields"]["q"][0].endswith("(character 1)")
