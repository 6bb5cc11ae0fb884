import pytest
from django.core.cache import cache
from django.utils import timezone
from rest_framework.test import APIClient

from finance.ledger.services import create_book, invite_member
from finance.models import Invitation, Membership, Role
from identity.models import IdempotencyRecord, User

ROLES = ["anonymous", "stranger", "viewer", "editor", "owner"]
REFUSED = {"anonymous": 401, "stranger": 404, "viewer": 403, "editor": 403}


@pytest.fixture(autouse=True)
def _empty_counters():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def people(db):
    return {role: User.objects.create_user(f"{role}@example.org", name=role.title()) for role in ROLES[1:]}


@pytest.fixture
def book(people):
    book = create_book(owner=people["owner"], name="Home", base_currency="EUR", time_zone="UTC", template=None)
    for role in ("viewer", "editor"):
        Membership.objects.create(book=book, user=people[role], role=role)
    return book


@pytest.fixture
def api(people):
    def of(role):
        client = APIClient()
        if role in people:
            client.force_authenticate(people[role])
        return client

    return of


def invited(book, people, email="new@example.org", role=Role.EDITOR):
    return invite_member(
        book=book, actor=people["owner"], email=email, role=role, now=timezone.now(), base_url="http://testserver"
    )


def root(book):
    return f"/api/v1/books/{book.pk}"


def membership(book, people, role):
    return Membership.objects.get(book=book, user=people[role])


@pytest.mark.parametrize(
    ("role", "status"), [("anonymous", 401), ("stranger", 404), ("viewer", 200), ("editor", 200), ("owner", 200)]
)
def test_members_are_listed_to_members(api, book, role, status):
    answer = api(role).get(f"{root(book)}/members/")
    assert answer.status_code == status
    if status == 200:
        rows = answer.json()["results"]
        assert [(row["email"], row["role"]) for row in rows] == [
            ("owner@example.org", "owner"),
            ("viewer@example.org", "viewer"),
            ("editor@example.org", "editor"),
        ]


@pytest.mark.parametrize("role", ROLES[:-1])
def test_only_owners_change_members_and_see_invitations(api, book, people, role):
    invitation = invited(book, people).invitation
    other = membership(book, people, "editor" if role == "viewer" else "viewer")
    client, status = api(role), REFUSED[role]
    answers = [
        client.get(f"{root(book)}/invitations/"),
        client.post(f"{root(book)}/invitations/", {"email": "x@example.org", "role": "viewer"}),
        client.delete(f"{root(book)}/invitations/{invitation.pk}/"),
        client.patch(f"{root(book)}/members/{other.pk}/", {"role": "owner"}),
        client.delete(f"{root(book)}/members/{other.pk}/"),
    ]
    assert [answer.status_code for answer in answers] == [status] * 5
    assert {"code", "detail", "fields"} == set(answers[-1].json())
    assert Invitation.objects.filter(book=book).count() == 1
    unchanged = Membership.objects.get(pk=other.pk)
    assert unchanged.role == other.role


def test_an_owner_invites_and_takes_back(api, book):
    owner = api("owner")
    made = owner.post(f"{root(book)}/invitations/", {"email": "New@example.org", "role": "editor"})
    assert made.status_code == 201
    assert made.json()["email"] == "new@example.org"
    assert made.json()["link"].startswith("http://testserver/invitations/")
    assert made["Cache-Control"] == "no-store"
    listed = owner.get(f"{root(book)}/invitations/").json()["results"]
    assert [row["email"] for row in listed] == ["new@example.org"]
    assert "link" not in listed[0]
    assert owner.delete(f"{root(book)}/invitations/{made.json()['id']}/").status_code == 204
    assert owner.delete(f"{root(book)}/invitations/{made.json()['id']}/").status_code == 404


def test_no_stored_answer_keeps_a_link(api, book):
    api("owner").post(
        f"{root(book)}/invitations/", {"email": "new@example.org", "role": "viewer"}, HTTP_IDEMPOTENCY_KEY="k"
    )
    assert not IdempotencyRecord.objects.filter(answer__icontains="/invitations/").exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"email": "viewer@example.org", "role": "viewer"}, 409),
        ({"email": "no", "role": "viewer"}, 400),
        ({"email": "x@example.org", "role": "king"}, 400),
        ({"email": "x@example.org"}, 400),
        ({"email": "x@example.org", "role": "viewer", "admin": True}, 400),
        ([], 400),
    ],
)
def test_what_cannot_be_invited_is_refused_at_its_field(api, book, body, status):
    answer = api("owner").post(f"{root(book)}/invitations/", body)
    assert answer.status_code == status
    assert not Invitation.objects.exists()


def test_the_invited_accept_with_the_token(api, book, people):
    token = invited(book, people, email="stranger@example.org").token
    stranger = api("stranger")
    joined = stranger.post("/api/v1/invitations/accept/", {"token": token})
    assert (joined.status_code, joined.json()) == (201, {"book_id": book.pk, "role": "editor"})
    assert stranger.post("/api/v1/invitations/accept/", {"token": token}).status_code == 404
    assert membership(book, people, "stranger").role == "editor"


def test_accepting_for_somebody_else_or_without_signing_in_is_refused(api, book, people):
    token = invited(book, people).token
    refused = api("stranger").post("/api/v1/invitations/accept/", {"token": token})
    assert refused.status_code == 403
    assert "new@example.org" in refused.json()["detail"]
    assert api("anonymous").post("/api/v1/invitations/accept/", {"token": token}).status_code == 401
    assert api("stranger").post("/api/v1/invitations/accept/", {"token": "unknown"}).status_code == 404
    assert Membership.objects.filter(book=book).count() == 3


def test_an_owner_changes_roles_and_removes(api, book, people):
    viewer, owner = membership(book, people, "viewer"), api("owner")
    changed = owner.patch(f"{root(book)}/members/{viewer.pk}/", {"role": "editor"})
    assert (changed.status_code, changed.json()["role"]) == (200, "editor")
    assert owner.delete(f"{root(book)}/members/{viewer.pk}/").status_code == 204
    assert api("viewer").get(f"{root(book)}/members/").status_code == 404


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_members_may_leave(api, book, people, role):
    own = membership(book, people, role)
    assert api(role).delete(f"{root(book)}/members/{own.pk}/").status_code == 204
    assert not Membership.objects.filter(pk=own.pk).exists()


def test_the_last_owner_stays(api, book, people):
    own = membership(book, people, "owner")
    for answer in (
        api("owner").delete(f"{root(book)}/members/{own.pk}/"),
        api("owner").patch(f"{root(book)}/members/{own.pk}/", {"role": "viewer"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert membership(book, people, "owner").role == "owner"


def test_members_of_other_books_are_out_of_reach(api, book, people):
    other = create_book(owner=people["stranger"], name="X", base_currency="EUR", time_zone="UTC", template=None)
    theirs = Membership.objects.get(book=other)
    owner = api("owner")
    assert owner.patch(f"{root(book)}/members/{theirs.pk}/", {"role": "viewer"}).status_code == 404
    assert owner.delete(f"{root(book)}/members/{theirs.pk}/").status_code == 404
    assert owner.delete(f"{root(other)}/members/{theirs.pk}/").status_code == 404
    assert Membership.objects.get(pk=theirs.pk).role == "owner"


def test_lists_are_paged_and_ask_the_database_little(api, book, django_assert_max_num_queries):
    for number in range(25):
        Membership.objects.create(book=book, user=User.objects.create_user(f"m{number}@example.org"), role="viewer")
    owner = api("owner")
    with django_assert_max_num_queries(4):
        first = owner.get(f"{root(book)}/members/", {"limit": 20}).json()
    second = owner.get(first["next"]).json()
    assert (len(first["results"]), len(second["results"]), second["next"]) == (20, 8, None)
