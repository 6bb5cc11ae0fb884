import pytest
from axes.models import AccessAttempt
from django.contrib.auth import get_user
from django.contrib.auth.models import Group, Permission
from django.test import Client

from identity.models import AccessPolicy, AuditRecord, User
from identity.tests.conftest import PASSWORD

USERS, AUDIT, ATTEMPTS, POLICY = (
    "/admin/identity/user/",
    "/admin/identity/auditrecord/",
    "/admin/axes/accessattempt/",
    "/admin/identity/accesspolicy/",
)


@pytest.fixture
def desk(operator):
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def clerk(db):
    """An operator who may edit users, and is no superuser."""
    user = User.objects.create_user("clerk@example.org", PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="identity"))
    client = Client()
    client.force_login(user)
    return client


def deeds():
    rows = AuditRecord.objects.filter(action="operator_acted").order_by("id")
    return list(rows.values_list("actor_email", "target", "facts__deed"))


@pytest.mark.parametrize("path", [USERS, AUDIT, ATTEMPTS, POLICY])
def test_the_pages_are_for_operators(path, desk, anna):
    assert desk.get(path, follow=True).status_code == 200
    client = Client()
    assert client.get(path).status_code == 302
    client.force_login(anna)
    assert client.get(path).status_code == 302


def test_an_operator_makes_an_account_that_can_sign_in(desk, operator):
    made = desk.post(
        f"{USERS}add/",
        {"email": "New@Example.org", "name": "New", "password1": PASSWORD, "password2": PASSWORD},
    )
    assert made.status_code == 302, made.content.decode()[:2000]
    user = User.objects.get(email="new@example.org")
    assert user.check_password(PASSWORD)
    assert deeds() == [(operator.email, "new@example.org", "made an account")]


@pytest.mark.parametrize("email", ["ANNA@example.org", "no address"])
def test_a_second_account_for_an_address_is_refused(desk, anna, email):
    page = desk.post(f"{USERS}add/", {"email": email, "name": "", "password1": PASSWORD, "password2": PASSWORD})
    assert page.status_code == 200
    assert User.objects.count() == 2


def test_a_change_is_audited(desk, operator, anna):
    page = desk.get(f"{USERS}{anna.pk}/change/")
    assert page.status_code == 200
    assert anna.password not in page.content.decode()
    desk.post(f"{USERS}{anna.pk}/change/", {"email": anna.email, "name": "Anna Other", "is_active": "on"})
    anna.refresh_from_db()
    assert anna.name == "Anna Other"
    assert deeds() == [(operator.email, anna.email, "changed name")]


def test_a_new_password_by_the_operator_signs_the_user_out(desk, operator, anna):
    theirs = Client()
    theirs.force_login(anna)
    path = f"{USERS}{anna.pk}/password/"
    assert desk.get(path).status_code == 200
    weak = desk.post(path, {"password1": "short", "password2": "short", "usable_password": "true"})
    assert weak.status_code == 200
    assert deeds() == []
    desk.post(path, {"password1": "brand new words", "password2": "brand new words", "usable_password": "true"})
    anna.refresh_from_db()
    assert anna.check_password("brand new words")
    assert not get_user(theirs).is_authenticated
    assert deeds() == [(operator.email, anna.email, "set a new password")]


def test_deactivating_signs_out_and_spares_oneself(desk, operator, anna):
    theirs = Client()
    theirs.force_login(anna)
    chosen = {"action": "deactivate", "_selected_action": [anna.pk, operator.pk]}
    desk.post(USERS, chosen)
    assert not get_user(theirs).is_authenticated
    assert User.objects.get(pk=operator.pk).is_active
    assert deeds() == [(operator.email, anna.email, "deactivated")]
    desk.post(USERS, {"action": "activate", "_selected_action": [anna.pk]})
    assert User.objects.get(pk=anna.pk).is_active


@pytest.mark.parametrize("by", ["users", "attempts"])
def test_a_lock_out_is_seen_and_lifted(desk, anna, by):
    client = Client()
    for _attempt in range(5):
        client.post("/accounts/sign-in/", {"username": anna.email, "password": "wrong"})
    assert "locked out" in desk.get(USERS).content.decode()
    assert anna.email in desk.get(ATTEMPTS).content.decode()
    if by == "users":
        desk.post(USERS, {"action": "unlock", "_selected_action": [anna.pk]})
    else:
        desk.post(ATTEMPTS, {"action": "forget", "_selected_action": [AccessAttempt.objects.get().pk]})
    assert client.post("/accounts/sign-in/", {"username": anna.email, "password": PASSWORD}).status_code == 302
    assert AuditRecord.objects.filter(action="unlocked", target=anna.email).count() == 1


def test_the_audit_trail_can_only_be_read(desk, anna):
    record = AuditRecord.objects.create(action="signed_in", actor=anna, actor_email=anna.email)
    page = desk.get(f"{AUDIT}{record.pk}/change/")
    assert page.status_code == 200
    assert anna.email in page.content.decode()
    assert desk.get(f"{AUDIT}add/").status_code == 403
    assert desk.post(f"{AUDIT}{record.pk}/change/", {"action": "signed_out"}).status_code == 403
    assert desk.post(f"{AUDIT}{record.pk}/delete/", {"post": "yes"}).status_code == 403
    record.refresh_from_db()
    assert record.action == "signed_in"


def test_accounts_are_not_deleted(desk, anna):
    assert desk.post(f"{USERS}{anna.pk}/delete/", {"post": "yes"}).status_code == 403
    assert "delete_selected" not in desk.get(USERS).content.decode()
    assert User.objects.filter(pk=anna.pk).exists()


def test_the_switch_closes_sign_up(desk, operator):
    page = desk.get(POLICY, follow=True)
    form = page.redirect_chain[-1][0]
    desk.post(form, {})
    assert AccessPolicy.objects.get().signup_open is False
    assert Client().get("/accounts/sign-up/").status_code == 403
    desk.post(form, {"signup_open": "on"})
    assert Client().get("/accounts/sign-up/").status_code == 200
    assert [deed for _who, _what, deed in deeds()] == ["closed sign-up", "opened sign-up"]


def test_only_superusers_hand_out_rights(clerk, operator, anna):
    everything = {"email": anna.email, "name": "x", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    clerk.post(f"{USERS}{anna.pk}/change/", everything)
    anna.refresh_from_db()
    assert (anna.name, anna.is_staff, anna.is_superuser) == ("x", False, False)
    me = User.objects.get(email="clerk@example.org")
    clerk.post(f"{USERS}{me.pk}/change/", {**everything, "email": me.email})
    assert not User.objects.get(pk=me.pk).is_superuser

    assert clerk.get(f"{USERS}{operator.pk}/change/").status_code == 200
    assert clerk.post(f"{USERS}{operator.pk}/change/", everything).status_code == 403
    password = {"password1": "brand new words", "password2": "brand new words", "usable_password": "true"}
    assert clerk.post(f"{USERS}{operator.pk}/password/", password).status_code == 403
    clerk.post(USERS, {"action": "deactivate", "_selected_action": [operator.pk]})
    operator.refresh_from_db()
    assert operator.is_active
    assert operator.check_password(PASSWORD)


@pytest.fixture
def helper(db):
    """An operator with the permission to change users, and no other."""
    user = User.objects.create_user("helper@example.org", PASSWORD, is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="change_user"))
    client = Client()
    client.force_login(user)
    return client


NEW_PASSWORD = {"password1": "brand new words", "password2": "brand new words", "usable_password": "true"}


def test_changing_users_is_not_taking_them_over(helper, clerk, anna):
    path = f"{USERS}{anna.pk}/"
    assert helper.get(f"{path}change/").status_code == 200
    helper.post(f"{path}change/", {"email": "thief@example.org", "name": "Other", "is_active": "on"})
    assert helper.get(f"{path}password/").status_code == 403
    assert helper.post(f"{path}password/", NEW_PASSWORD).status_code == 403
    anna.refresh_from_db()
    assert (anna.email, anna.name) == ("anna@example.org", "Other")
    assert anna.check_password(PASSWORD)

    clerk.post(f"{path}change/", {"email": "anna@new.example", "name": "Other", "is_active": "on"})
    assert clerk.post(f"{path}password/", NEW_PASSWORD).status_code == 302
    anna.refresh_from_db()
    assert anna.email == "anna@new.example"
    assert anna.check_password("brand new words")


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("by", ["permission", "group", "superuser"])
def test_nobody_edits_who_may_do_more(clerk, by, active):
    """Also not while that account is deactivated: it could be activated afterwards."""
    boss = User.objects.create_user("boss@example.org", PASSWORD, is_staff=True, is_superuser=by == "superuser")
    more = Permission.objects.get(codename="view_journalentry")
    if by == "permission":
        boss.user_permissions.add(more)
    elif by == "group":
        group = Group.objects.create(name="Auditors")
        group.permissions.add(more)
        boss.groups.add(group)
    User.objects.filter(pk=boss.pk).update(is_active=active)
    path = f"{USERS}{boss.pk}/"
    fields = {"email": "thief@example.org", "name": "Other", "is_active": "on"}
    assert clerk.post(f"{path}change/", fields).status_code == 403
    assert clerk.post(f"{path}password/", NEW_PASSWORD).status_code == 403
    clerk.post(USERS, {"action": "deactivate" if active else "activate", "_selected_action": [boss.pk]})
    stranger = Client()
    for _attempt in range(5):
        stranger.post("/accounts/sign-in/", {"username": boss.email, "password": "wrong"})
    clerk.post(USERS, {"action": "unlock", "_selected_action": [boss.pk]})
    attempts = list(AccessAttempt.objects.values_list("pk", flat=True))
    clerk.post(ATTEMPTS, {"action": "forget", "_selected_action": attempts})
    assert AccessAttempt.objects.count() == len(attempts) == 1
    after = User.objects.get(pk=boss.pk)
    assert (after.email, after.name, after.is_active) == (boss.email, "", active)
    assert after.check_password(PASSWORD)


def test_an_equal_is_edited(clerk):
    peer = User.objects.create_user("peer@example.org", PASSWORD, is_staff=True)
    peer.user_permissions.add(Permission.objects.get(codename="change_user"))
    clerk.post(f"{USERS}{peer.pk}/change/", {"email": peer.email, "name": "Peer", "is_active": "on"})
    assert User.objects.get(pk=peer.pk).name == "Peer"


def test_groups_are_for_superusers_to_change(desk, clerk):
    me = User.objects.get(email="clerk@example.org")
    me.user_permissions.add(*Permission.objects.filter(content_type__app_label="auth"))
    group = Group.objects.create(name="Clerks")
    me.groups.add(group)
    fields = {"name": "Clerks", "permissions": [Permission.objects.get(codename="delete_outboxmessage").pk]}
    assert clerk.get(f"/admin/auth/group/{group.pk}/change/").status_code == 200
    assert clerk.post(f"/admin/auth/group/{group.pk}/change/", fields).status_code == 403
    assert clerk.post("/admin/auth/group/add/", {**fields, "name": "More"}).status_code == 403
    assert not group.permissions.exists()
    assert list(Group.objects.all()) == [group]
    desk.post(f"/admin/auth/group/{group.pk}/change/", fields)
    assert group.permissions.count() == 1


def test_lists_ask_the_database_little(desk, db, django_assert_max_num_queries):
    for number in range(30):
        user = User.objects.create_user(f"u{number}@example.org")
        AuditRecord.objects.create(action="signed_in", actor=user, actor_email=user.email)
    for path in (USERS, AUDIT):
        with django_assert_max_num_queries(13):  # three of them for the menu's dead letters, four times a minute
            assert desk.get(path).status_code == 200
