import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache

from identity.models import User


@pytest.fixture(autouse=True)
def _fresh_badges():
    """The sidebar's figures are cached for seconds; a test must not see another's."""
    cache.clear()


@pytest.fixture
def operator(db):
    return User.objects.create_superuser("operator@example.org", "correct horse battery")


@pytest.fixture
def staff(db):
    """staff("view_book", …): a member of the staff with these permissions on finance's models."""

    def make(*codenames):
        user = User.objects.create_user("staff@example.org", "correct horse battery", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(content_type__app_label="finance", codename__in=codenames))
        assert user.user_permissions.count() == len(codenames)
        return user

    return make


@pytest.fixture
def as_operator(client, operator):
    client.force_login(operator)
    return client
