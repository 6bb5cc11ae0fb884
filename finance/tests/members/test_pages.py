import json
import re
from contextlib import contextmanager

import pytest
from django.contrib.auth import get_user
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from finance.ledger.services import create_book, invite_member, revoke_invitation
from finance.ledger.services.members import mailed_link_is_genuine
from finance.models import Invitation, Membership, Role
from identity.models import User
from platform_outbox import testing
from platform_outbox.models import OutboxMessage

ROLES = ["anonymous", "stranger", "viewer", "editor", "owner"]


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
def browser(people):
    def of(role):
        client = Client()
        if role in people:
            client.force_login(people[role])
        return client

    return of


@pytest.fixture
def sent(mailoutbox, django_capture_on_commit_callbacks):
    @contextmanager
    def collect():
        testing.drain(raise_errors=False)
        mailoutbox.clear()
        mails = []
        with django_capture_on_commit_callbacks(execute=True):
            yield mails
        testing.drain(raise_errors=False)
        mails.extend(mailoutbox)

    return collect


def invited(book, people, email="new@example.org", role=Role.EDITOR):
    return invite_member(
        book=book, actor=people["owner"], email=email, role=role, now=timezone.now(), base_url="http://testserver"
    )


def state(book):
    members = Membership.objects.filter(book=book).order_by("pk").values_list("user__email", "role")
    return list(members), Invitation.objects.filter(book=book, accepted_at=None).count()


EXPECTED = {"anonymous": 302, "stranger": 404, "viewer": 403, "editor": 403}


@pytest.mark.parametrize(
    ("role", "status"), [("anonymous", 302), ("stranger", 404), ("viewer", 200), ("editor", 200), ("owner", 200)]
)
def test_members_see_who_else_is_a_member(browser, book, role, status):
    page = browser(role).get(f"/b/{book.pk}/members/")
    assert page.status_code == status
    if status == 200:
        assert "viewer@example.org" in page.content.decode()
        assert ("Invite somebody" in page.content.decode()) == (role == "owner")


@pytest.mark.parametrize("action", ["invite", "role", "remove", "revoke"])
@pytest.mark.parametrize("role", ROLES[:-1])
def test_only_owners_change_members(browser, book, people, role, action):
    invitation = invited(book, people).invitation
    viewer = Membership.objects.get(book=book, user=people["viewer"])
    path, body = {
        "invite": (f"/b/{book.pk}/members/invite/", {"email": "x@example.org", "role": "viewer"}),
        "role": (f"/b/{book.pk}/members/{viewer.pk}/role/", {"role": "owner"}),
        "remove": (f"/b/{book.pk}/members/{viewer.pk}/remove/", {}),
        "revoke": (f"/b/{book.pk}/invitations/{invitation.pk}/revoke/", {}),
    }[action]
    before, events = state(book), OutboxMessage.objects.count()
    assert browser(role).post(path, body).status_code == EXPECTED[role]
    assert (state(book), OutboxMessage.objects.count()) == (before, events)
    if action != "invite":
        assert browser("owner").get(path).status_code == 405


def test_an_owner_cannot_reach_members_of_another_book(browser, book, people):
    other = create_book(owner=people["stranger"], name="Theirs", base_currency="EUR", time_zone="UTC", template=None)
    theirs = Membership.objects.get(book=other)
    foreign = invite_member(
        book=other, actor=None, email="x@example.org", role=Role.VIEWER, now=timezone.now(), base_url=""
    ).invitation
    owner = browser("owner")
    assert owner.post(f"/b/{book.pk}/members/{theirs.pk}/role/", {"role": "viewer"}).status_code == 404
    assert owner.post(f"/b/{book.pk}/members/{theirs.pk}/remove/").status_code == 404
    assert owner.post(f"/b/{book.pk}/invitations/{foreign.pk}/revoke/").status_code == 404
    assert state(other) == ([("stranger@example.org", "owner")], 1)


def test_inviting_mails_the_link_and_shows_it_once(browser, book, sent):
    owner = browser("owner")
    with sent() as mails:
        page = owner.post(f"/b/{book.pk}/members/invite/", {"email": "New@example.org", "role": "viewer"})
    shown = re.search(r'value="(http://testserver/invitations/[^"]+)"', page.content.decode())[1]
    mailed = re.search(r"http://testserver/\S+", mails[0].body)[0]
    assert mails[0].to == ["new@example.org"]
    assert mails[0].subject == "Owner invites you to “Home”"
    assert mailed.startswith(f"{shown}?proof=")
    html = mails[0].alternatives[0][0]
    assert mailed in html
    assert "/invitations/" not in owner.get(f"/b/{book.pk}/members/").content.decode().replace(
        f"/b/{book.pk}/invitations/", ""
    )


def test_a_book_name_cannot_smuggle_a_header_or_markup_into_the_mail(browser, book, sent):
    type(book).objects.filter(pk=book.pk).update(name="<b>x</b>\nBcc: all@example.org")
    with sent() as mails:
        browser("owner").post(f"/b/{book.pk}/members/invite/", {"email": "new@example.org", "role": "viewer"})
    assert "\n" not in mails[0].subject
    assert "<b>x</b>" not in mails[0].alternatives[0][0]
    assert mails[0].recipients() == ["new@example.org"]


def test_an_invitation_whose_mail_fails_is_kept(browser, book, settings, sent):
    settings.EMAIL_BACKEND = "identity.tests.broken_mail.EmailBackend"
    with sent():
        page = browser("owner").post(f"/b/{book.pk}/members/invite/", {"email": "new@example.org", "role": "viewer"})
    assert page.status_code == 200
    link = re.search(r'value="http://testserver(/invitations/[^"]+)"', page.content.decode())[1]
    assert Client().get(link).status_code == 200


def test_refusals_of_an_invitation_stand_at_the_form(browser, book):
    owner = browser("owner")
    page = owner.post(f"/b/{book.pk}/members/invite/", {"email": "viewer@example.org", "role": "viewer"})
    assert page.status_code == 409
    assert "is already a member of this book" in page.content.decode()
    assert owner.post(f"/b/{book.pk}/members/invite/", {"email": "no", "role": "king"}).status_code == 400
    assert state(book)[1] == 0


def test_the_database_alone_does_not_give_an_invitations_link_away(book, people):
    fresh = invited(book, people)
    rows = json.dumps([*Invitation.objects.values(), *OutboxMessage.objects.values()], default=str)
    assert fresh.invitation.nonce in rows
    assert fresh.token not in rows
    assert invited(book, people, email="other@example.org").token != fresh.token


def test_a_mail_is_written_late_and_holds_the_link_that_was_shown(book, people, mailoutbox):
    revoked = invited(book, people, email="revoked@example.org")
    kept = invited(book, people, email="kept@example.org")
    revoke_invitation(invitation=revoked.invitation, actor=people["owner"])
    testing.drain()
    assert [mail.to for mail in mailoutbox] == [["kept@example.org"]]
    assert kept.link in mailoutbox[0].body


def test_a_secret_that_is_changed_meanwhile_leaves_the_link_as_it_was(book, people, settings, mailoutbox):
    link, earlier = invited(book, people).link, settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [earlier]
    testing.drain()
    mailed = re.search(r"http://testserver\S+", mailoutbox[0].body)[0]
    assert mailed.startswith(f"{link}?proof=")
    token, proof = re.search(r"/invitations/([^/]+)/\?proof=(\w+)", mailed).groups()
    assert mailed_link_is_genuine(token=token, proof=proof)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a third", ["another"]
    assert mailed_link_is_genuine(token=token, proof=proof)
    assert not mailed_link_is_genuine(token=token, proof="0" * 64)


def test_a_link_of_a_secret_that_counts_no_longer_is_not_mailed(book, people, settings, mailoutbox):
    invited(book, people)
    settings.SECRET_KEY = "another"
    testing.drain()
    assert mailoutbox == []


def test_a_new_person_goes_from_the_mail_to_the_book(book, browser, settings, sent):
    settings.SIGNUP_ENABLED = False
    with sent() as mails:
        browser("owner").post(f"/b/{book.pk}/members/invite/", {"email": "new@example.org", "role": "editor"})
    client = Client()
    page = client.get(re.search(r"http://testserver(/\S+)", mails[0].body)[1]).content.decode()
    assert "Owner invites you" in page
    signup_link = re.search(r'href="(/accounts/sign-up/[^"]+)"', page)[1]
    made = client.post(signup_link, {"name": "Neo", "password": "correct horse battery", "next": "/"})
    assert made.status_code == 302

    landing = f"/invitations/{re.search(r'/invitations/([^/?]+)/', mails[0].body)[1]}/"
    assert "Join" in client.get(landing).content.decode()
    assert not Membership.objects.filter(user__email="new@example.org").exists()
    joined = client.post(f"{landing}accept/")
    assert joined["Location"] == f"/b/{book.pk}/"
    assert Membership.objects.get(user__email="new@example.org").role == "editor"


def test_a_copied_link_alone_makes_no_account_for_somebody_elses_address(book, people, sent):
    link = invited(book, people).link.removeprefix("http://testserver")
    client = Client()
    page = client.get(link).content.decode()
    assert "/accounts/sign-up/" not in page
    assert "/accounts/sign-up/" not in client.get(f"{link}?proof={'0' * 64}").content.decode()
    with sent() as mails:
        assert client.post(f"{link}account/")["Location"] == "/accounts/sign-up/sent/"
    assert [one.to for one in mails] == [["new@example.org"]]
    assert "/accounts/sign-up/" in mails[0].body


def test_reading_the_invitation_changes_nothing(book, people, browser):
    link = invited(book, people, email="stranger@example.org").link
    stranger = browser("stranger")
    before = state(book)
    for _time in range(3):
        assert stranger.get(link).status_code == 200
    assert state(book) == before
    assert stranger.get(f"{link}accept/").status_code == 405


def test_somebody_else_is_told_whom_the_invitation_is_for(book, people, browser):
    link = invited(book, people).link
    stranger = browser("stranger")
    page = stranger.get(link).content.decode()
    assert "This invitation was sent to new@example.org, but you are signed in as stranger@example.org." in page
    assert stranger.post(f"{link}accept/")["Location"] == link.removeprefix("http://testserver")
    assert not Membership.objects.filter(book=book, user=people["stranger"]).exists()


def test_nobody_joins_without_signing_in(book, people):
    link = invited(book, people).link
    assert Client().post(f"{link}accept/").status_code == 302
    assert state(book)[1] == 1


def test_a_used_unknown_or_revoked_link_says_so(book, people, browser):
    link = invited(book, people, email="stranger@example.org").link
    stranger = browser("stranger")
    stranger.post(f"{link}accept/")
    other = Client()
    assert other.get(link).status_code == 404
    gone = other.get("/invitations/unknown/")
    assert gone.status_code == 404
    assert "This invitation does not work" in gone.content.decode()
    assert other.post("/invitations/unknown/accept/").status_code == 302


def test_roles_are_changed_and_members_removed_by_an_owner(book, people, browser):
    owner, viewer = browser("owner"), Membership.objects.get(book=book, user=people["viewer"])
    owner.post(f"/b/{book.pk}/members/{viewer.pk}/role/", {"role": "editor"})
    viewer.refresh_from_db()
    assert viewer.role == "editor"
    assert (
        "no such role"
        in owner.post(f"/b/{book.pk}/members/{viewer.pk}/role/", {"role": "king"}, follow=True).content.decode()
    )
    owner.post(f"/b/{book.pk}/members/{viewer.pk}/remove/")
    assert browser("viewer").get(f"/b/{book.pk}/members/").status_code == 404


def test_leaving_is_for_members_and_not_for_the_last_owner(book, browser):
    assert browser("stranger").post(f"/b/{book.pk}/members/leave/").status_code == 404
    assert browser("editor").post(f"/b/{book.pk}/members/leave/")["Location"] == "/"
    page = browser("owner").post(f"/b/{book.pk}/members/leave/", follow=True)
    assert "A book needs an owner." in page.content.decode()
    assert [email for email, _role in state(book)[0]] == ["owner@example.org", "viewer@example.org"]


def test_the_page_asks_the_same_number_of_questions_for_many_members(
    book, browser, people, django_assert_max_num_queries
):
    for number in range(20):
        user = User.objects.create_user(f"m{number}@example.org")
        Membership.objects.create(book=book, user=user, role="viewer")
        invited(book, people, email=f"i{number}@example.org")
    owner = browser("owner")
    with django_assert_max_num_queries(10):
        assert owner.get(f"/b/{book.pk}/members/").status_code == 200


def test_signing_out_for_another_account_leads_back_to_the_invitation(book, people, browser):
    link = invited(book, people).link.removeprefix("http://testserver")
    stranger = browser("stranger")
    assert stranger.post("/accounts/sign-out/", {"next": link})["Location"] == link
    assert not get_user(stranger).is_authenticated
