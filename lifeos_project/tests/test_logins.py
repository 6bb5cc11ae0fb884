"""Addresses whose password or user is told elsewhere."""

import pytest

from lifeos_project.connections.logins import as_user, with_password


@pytest.mark.parametrize(
    ("url", "filled"),
    [
        ("redis://redis:6379/0", "redis://:p%40s%2Fs@redis:6379/0"),
        ("redis://books@redis:6379/0", "redis://books:p%40s%2Fs@redis:6379/0"),
        ("redis://:own@redis:6379/0", "redis://:own@redis:6379/0"),
        ("unix:///run/redis.sock?db=1", "unix://:p%40s%2Fs@/run/redis.sock?db=1"),
        ("", ""),
    ],
)
def test_a_password_fills_an_address_that_names_none(url, filled):
    assert with_password(url, password="p@s/s") == filled
    assert with_password(url, password="") == url


@pytest.mark.parametrize(
    ("url", "owner"),
    [
        ("postgresql://app:own@db:5432/books?sslmode=require", "postgresql://lifeos@db:5432/books?sslmode=require"),
        ("postgresql://app@db1:5432,db2:5432/books", "postgresql://lifeos@db1:5432,db2:5432/books"),
        ("postgresql://db/books", "postgresql://lifeos@db/books"),
        ("postgresql:///books?host=/run/postgresql", "postgresql://lifeos@/books?host=/run/postgresql"),
        # The serving role owns the tables too.
        ("postgresql://lifeos:own@db/books", ""),
        ("", ""),
    ],
)
def test_another_user_is_asked_for_at_the_same_place(url, owner):
    assert as_user(url, user="lifeos") == owner
