"""Addresses of servers whose login is given elsewhere: the password apart, or another user of the same database."""

from urllib.parse import quote, urlsplit, urlunsplit


def with_password(url: str, *, password: str) -> str:
    """`url`, and `password` in it where it names none."""
    parts = urlsplit(url)
    login, _, place = parts.netloc.rpartition("@")
    user, _, given = login.partition(":")
    if not url or not password or given:
        return url
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{place}"))


def as_user(url: str, *, user: str) -> str:
    """`url` with the login of `user`, without a password; empty where that is the user it names, or where it is empty."""
    parts = urlsplit(url)
    login, _, place = parts.netloc.rpartition("@")
    if not url or login.partition(":")[0] == user:
        return ""
    return urlunsplit(parts._replace(netloc=f"{user}@{place}"))
