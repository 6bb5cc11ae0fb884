import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from finance.errors import Conflict, Forbidden, Invalid, NotFound
from finance.ledger.services import (
    accept_invitation,
    change_role,
    create_book,
    invite_member,
    leave_book,
    remove_member,
    revoke_invitation,
)
from finance.models import Book, Invitation, Membership, Role
from identity.models import AuditRecord, User
from platform_outbox.models import OutboxMessage


def person(name):
    return User.objects.create_user(f"{name}@example.org", name=name)


@pytest.fixture
def olga(db):
    return person("olga")


@pytest.fixture
def book(olga):
    return create_book(owner=olga, name="Home", base_currency="EUR", time_zone="Europe/Berlin", template=None)


def member(book, name, role):
    user = person(name)
    return Membership.objects.create(book=book, user=user, role=role)


def invite(book, actor, email="eva@example.org", role=Role.EDITOR):
    return invite_member(
        book=book, actor=actor, email=email, role=role, now=timezone.now(), base_url="https://books.test"
    )


def events(book):
    return list(
        OutboxMessage.objects.filter(payload__book_id=book.pk, event_type__startswith="finance.member")
        .order_by("pk")
        .values_list("event_type", flat=True)
    )


def test_an_invited_person_joins_in_the_offered_role(book, olga):
    fresh = invite(book, olga, email=" Eva@Example.org ")
    eva = person("eva")
    membership = accept_invitation(token=fresh.token, user=eva, now=timezone.now())
    assert (membership.book_id, membership.user_id, membership.role) == (book.pk, eva.pk, "editor")
    assert events(book) == ["finance.member.invited", "finance.member.joined"]
    assert list(AuditRecord.objects.order_by("id").values_list("action", "target")) == [
        ("member_invited", "eva@example.org"),
        ("member_joined", "eva@example.org"),
    ]


def test_the_database_keeps_only_a_hash_of_the_token(book, olga):
    fresh = invite(book, olga)
    row = Invitation.objects.values().get()
    assert fresh.token not in str(row)
    assert len(fresh.token) >= 43
    assert not OutboxMessage.objects.filter(payload__icontains=fresh.token).exists()


@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER])
def test_only_owners_manage_members(book, olga, role):
    actor = member(book, "ed", role).user
    other = member(book, "other", Role.VIEWER)
    fresh = invite(book, olga)
    with pytest.raises(Forbidden):
        invite(book, actor, email="x@example.org")
    with pytest.raises(Forbidden):
        revoke_invitation(invitation=fresh.invitation, actor=actor)
    with pytest.raises(Forbidden):
        change_role(membership=other, actor=actor, role=Role.EDITOR)
    with pytest.raises(Forbidden):
        remove_member(membership=other, actor=actor)
    assert Membership.objects.get(pk=other.pk).role == "viewer"
    assert Invitation.objects.count() == 1
    assert events(book) == ["finance.member.invited"]


def test_a_stranger_learns_nothing(book, olga):
    stranger = person("stranger")
    other = member(book, "other", Role.VIEWER)
    with pytest.raises(NotFound):
        invite(book, stranger)
    with pytest.raises(NotFound):
        change_role(membership=other, actor=stranger, role=Role.OWNER)
    with pytest.raises(NotFound):
        remove_member(membership=other, actor=stranger)
    with pytest.raises(NotFound):
        leave_book(book=book, user=stranger)


def test_a_link_works_once(book, olga):
    fresh = invite(book, olga)
    eva = person("eva")
    accept_invitation(token=fresh.token, user=eva, now=timezone.now())
    Membership.objects.filter(user=eva).delete()
    with pytest.raises(NotFound):
        accept_invitation(token=fresh.token, user=eva, now=timezone.now())
    assert not Membership.objects.filter(user=eva).exists()


def test_a_link_ends_after_seven_days(book, olga):
    fresh = invite(book, olga)
    eva = person("eva")
    with pytest.raises(NotFound):
        accept_invitation(token=fresh.token, user=eva, now=timezone.now() + timedelta(days=7, seconds=1))
    accept_invitation(token=fresh.token, user=eva, now=timezone.now() + timedelta(days=6, hours=23))


def test_inviting_again_replaces_the_first_link(book, olga):
    first, second = invite(book, olga), invite(book, olga, email="EVA@example.org", role=Role.VIEWER)
    eva = person("eva")
    with pytest.raises(NotFound):
        accept_invitation(token=first.token, user=eva, now=timezone.now())
    assert accept_invitation(token=second.token, user=eva, now=timezone.now()).role == "viewer"


def test_a_revoked_link_does_not_work(book, olga):
    fresh = invite(book, olga)
    revoke_invitation(invitation=fresh.invitation, actor=olga)
    with pytest.raises(NotFound):
        accept_invitation(token=fresh.token, user=person("eva"), now=timezone.now())
    with pytest.raises(NotFound):
        revoke_invitation(invitation=fresh.invitation, actor=olga)


def test_a_link_is_for_its_addressee_only(book, olga):
    fresh = invite(book, olga)
    other = person("other")
    with pytest.raises(Forbidden) as refused:
        accept_invitation(token=fresh.token, user=other, now=timezone.now())
    assert "eva@example.org" in refused.value.detail
    assert "other@example.org" in refused.value.detail
    assert not Membership.objects.filter(user=other).exists()
    assert Invitation.objects.get().accepted_at is None


def test_links_of_somebody_who_is_no_owner_any_more_do_not_work(book, olga):
    second = member(book, "second", Role.OWNER)
    fresh = invite(book, second.user)
    change_role(membership=second, actor=olga, role=Role.EDITOR)
    with pytest.raises(NotFound):
        accept_invitation(token=fresh.token, user=person("eva"), now=timezone.now())


def test_members_are_not_invited_again(book, olga):
    with pytest.raises(Conflict):
        invite(book, olga, email="OLGA@example.org")


@pytest.mark.parametrize(
    "email", ["", "eva", "eva@", "@example.org", "eva@example.org\n", "e\0va@example.org", "x" * 300 + "@a.de"]
)
def test_what_is_no_address_is_refused(book, olga, email):
    if email.strip() == "eva@example.org":
        assert invite(book, olga, email=email).invitation.email == "eva@example.org"
        return
    with pytest.raises(Invalid) as refused:
        invite(book, olga, email=email)
    assert "email" in refused.value.fields
    assert not Invitation.objects.exists()


def test_a_role_is_changed_and_told(book, olga):
    other = member(book, "other", Role.VIEWER)
    assert change_role(membership=other, actor=olga, role=Role.OWNER).role == "owner"
    assert change_role(membership=other, actor=olga, role=Role.OWNER).role == "owner"
    assert events(book) == ["finance.member.role_changed"]


def test_the_last_owner_stays(book, olga):
    member(book, "other", Role.EDITOR)
    mine = Membership.objects.get(user=olga)
    with pytest.raises(Conflict):
        leave_book(book=book, user=olga)
    with pytest.raises(Conflict):
        change_role(membership=mine, actor=olga, role=Role.VIEWER)
    with pytest.raises(Conflict):
        remove_member(membership=mine, actor=olga)
    assert Membership.objects.get(user=olga).role == "owner"
    assert events(book) == []


def test_leaving_and_removing_end_access(book, olga):
    left, removed = member(book, "left", Role.EDITOR), member(book, "removed", Role.VIEWER)
    leave_book(book=book, user=left.user)
    remove_member(membership=removed, actor=olga)
    assert not Book.objects.visible_to(left.user).exists()
    assert not Book.objects.visible_to(removed.user).exists()
    assert events(book) == ["finance.member.removed", "finance.member.removed"]


def at_once(*calls):
    """Run the calls in threads that start together; what each raised or returned."""
    outcomes, start = [None] * len(calls), threading.Barrier(len(calls))

    def run(index, call):
        start.wait()
        try:
            outcomes[index] = call()
        except (Conflict, NotFound, Forbidden) as error:
            outcomes[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.mark.django_db(transaction=True)
def test_of_two_owners_who_leave_at_once_one_stays():
    for _round in range(5):
        first, second = person(f"a{_round}"), person(f"b{_round}")
        book = create_book(owner=first, name="Home", base_currency="EUR", time_zone="UTC", template=None)
        Membership.objects.create(book=book, user=second, role=Role.OWNER)
        outcomes = at_once(
            lambda book=book, first=first: leave_book(book=book, user=first),
            lambda book=book, second=second: leave_book(book=book, user=second),
        )
        assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 1
        assert Membership.objects.filter(book=book, role=Role.OWNER).count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_owners_who_demote_each_other_at_once_one_stays():
    for _round in range(5):
        first, second = person(f"a{_round}"), person(f"b{_round}")
        book = create_book(owner=first, name="Home", base_currency="EUR", time_zone="UTC", template=None)
        one = Membership.objects.get(book=book, user=first)
        two = Membership.objects.create(book=book, user=second, role=Role.OWNER)
        at_once(
            lambda two=two, first=first: change_role(membership=two, actor=first, role=Role.VIEWER),
            lambda one=one, second=second: change_role(membership=one, actor=second, role=Role.VIEWER),
        )
        assert Membership.objects.filter(book=book, role=Role.OWNER).count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_acceptances_at_once_one_succeeds():
    owner, eva = person("owner"), person("eva")
    book = create_book(owner=owner, name="Home", base_currency="EUR", time_zone="UTC", template=None)
    fresh = invite(book, owner)
    outcomes = at_once(
        *[lambda: accept_invitation(token=fresh.token, user=eva, now=timezone.now()) for _number in range(4)]
    )
    assert sum(isinstance(outcome, Membership) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, (NotFound, Conflict)) for outcome in outcomes) == 3
    assert Membership.objects.filter(book=book, user=eva).count() == 1
    assert events(book).count("finance.member.joined") == 1


@pytest.mark.django_db(transaction=True)
def test_an_acceptance_that_meets_a_revocation_is_all_or_nothing():
    owner, eva = person("owner"), person("eva")
    book = create_book(owner=owner, name="Home", base_currency="EUR", time_zone="UTC", template=None)
    fresh = invite(book, owner)
    accepted, revoked = at_once(
        lambda: accept_invitation(token=fresh.token, user=eva, now=timezone.now()),
        lambda: revoke_invitation(invitation=fresh.invitation, actor=owner),
    )
    assert isinstance(accepted, Membership) != (revoked is None)
    assert Membership.objects.filter(book=book, user=eva).exists() == isinstance(accepted, Membership)
