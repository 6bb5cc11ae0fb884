"""Below a book, a token's user comes with the membership; every refusal of the library stays."""

import pytest
from django.test import Client
from rest_framework_simplejwt.tokens import AccessToken

from finance.ledger import services
from finance.models import Account, Membership
from identity.models import User


@pytest.fixture
def olga(db):
    return User.objects.create_user("olga@example.org", "correct horse battery")


@pytest.fixture
def book(olga):
    return services.create_book(owner=olga, name="Home", base_currency="EUR", time_zone="Europe/Berlin")


def asked(user, path):
    return Client(headers={"authorization": f"Bearer {AccessToken.for_user(user)}"}).get(path)


def test_user_membership_and_book_are_one_statement(olga, book, django_assert_num_queries):
    client = Client(headers={"authorization": f"Bearer {AccessToken.for_user(olga)}"})
    account = Account.objects.filter(book=book).latest("pk")
    with django_assert_num_queries(1):
        assert client.get(f"/api/v1/books/{book.pk}/").json()["role"] == "owner"
    with django_assert_num_queries(2):
        assert client.get(f"/api/v1/books/{book.pk}/accounts/{account.pk}/").status_code == 200
    with django_assert_num_queries(2):
        assert client.get(f"/api/v1/books/{book.pk}/accounts/").status_code == 200


def test_a_stranger_and_a_member_who_left_see_no_book(olga, book):
    stranger = User.objects.create_user("stranger@example.org", None)
    path = f"/api/v1/books/{book.pk}/"
    assert asked(stranger, path).status_code == 404
    assert asked(olga, path).status_code == 200
    Membership.objects.all().delete()
    assert asked(olga, path).status_code == 404
    assert asked(olga, f"/api/v1/books/{book.pk + 1}/").status_code == 404


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda user: user.set_password("another horse battery"), "password_changed"),
        (lambda user: setattr(user, "is_active", False), "user_inactive"),
    ],
)
def test_a_token_of_a_member_is_refused_for_what_became_of_the_user(olga, book, change, code):
    client = Client(headers={"authorization": f"Bearer {AccessToken.for_user(olga)}"})
    change(olga)
    olga.save()
    below, beside = client.get(f"/api/v1/books/{book.pk}/"), client.get("/api/v1/books/")
    assert (below.status_code, below.json()) == (beside.status_code, beside.json())
    assert below.status_code == 401
    assert code in below.content.decode()
