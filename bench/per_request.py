"""What a request costs by itself: statements and processor time of API reads and pages, beside a bare signed-in view.

python bench/per_request.py              2,000 entries, a minute
python bench/per_request.py --profile account   where one of them spends its time

Requests go through the WSGI application in this process: middleware, views and templates, without sockets. Times are of the
processor, so that others on the machine count little; the statements are asked of the server that is beside it.
"""

import argparse
import cProfile
import os
import pstats
import sys
import time
from collections.abc import Callable
from datetime import timedelta

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "load_app.settings")

import harness
from claims import claim
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from ledger import Household, post_in_bulk
from rest_framework_simplejwt.tokens import AccessToken

from finance.models import JournalEntry

READ_MS, PAGE_MS = 8, 30
READ_STATEMENTS, PAGE_STATEMENTS = 4, 8
TIMES = 30


def addresses(household: Household) -> dict[str, dict[str, str]]:
    """Kind → name → path."""
    book, account = household.book.pk, household.checking.pk
    entry = JournalEntry.objects.filter(book=household.book).latest("pk").uid
    api = f"/api/v1/books/{book}"
    return {
        "bare": {"bare view": "/bare/"},
        "read": {
            "book": f"{api}/",
            "accounts": f"{api}/accounts/",
            "account": f"{api}/accounts/{account}/",
            "entries": f"{api}/entries/",
            "entry": f"{api}/entries/{entry}/",
            "register": f"{api}/accounts/{account}/register/",
        },
        "page": {
            "overview page": f"/b/{book}/",
            "accounts page": f"/b/{book}/accounts/",
            "account page": f"/b/{book}/accounts/{account}/",
            "register page": f"/b/{book}/register/",
            "entry page": f"/b/{book}/entries/{entry}/",
            "payees page": f"/b/{book}/payees/",
            "settings page": f"/b/{book}/settings/",
        },
    }


def signed_in(household: Household) -> Callable[[str], Callable[[], None]]:
    """path → a call that asks for it, with a token below /api/ and a session elsewhere. Anything but 200 raises."""
    application, factory, owner = get_wsgi_application(), RequestFactory(), household.owner
    token = AccessToken.for_user(owner)
    token.set_exp(lifetime=timedelta(hours=12))
    session = SessionStore()
    session[SESSION_KEY] = str(owner.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = owner.get_session_auth_hash()
    session.create()

    def asking(path: str) -> Callable[[], None]:
        by_token = path.startswith(("/api/", "/bare/"))
        headers = {"authorization": f"Bearer {token}"} if by_token else {"cookie": f"sessionid={session.session_key}"}
        environ = factory.get(path, headers=headers, SERVER_NAME="localhost").environ

        def ask() -> None:
            told: list[str] = []
            answer = application(dict(environ), lambda status, headers, *rest: told.append(status))
            body = b"".join(answer)
            answer.close()
            if not told[0].startswith("200"):
                raise RuntimeError(f"{path}: {told[0]} {body[:300]!r}")

        return ask

    return asking


def cost(ask: Callable[[], None], *, times: int) -> float:
    """Milliseconds of the processor per call: the least of three rounds."""
    rounds = []
    for _ in range(3):
        start = time.process_time()
        for _ in range(times):
            ask()
        rounds.append((time.process_time() - start) * 1000 / times)
    return min(rounds)


def claims_of(kind: str, name: str, count: int, taken: float, bare: float) -> list[str]:
    """What is claimed of a request: its statements, its time, and of a read its rate beside that of the bare view."""
    if kind == "bare":
        return []
    statements, longest = (READ_STATEMENTS, READ_MS) if kind == "read" else (PAGE_STATEMENTS, PAGE_MS)
    found = [
        claim(name=f"request of {name}: statements", value=count, at_most=statements),
        claim(name=f"request of {name}: processor", value=taken, unit="ms", at_most=longest),
    ]
    if kind == "read":
        found.append(claim(name=f"request of {name} / bare signed-in view, rate", value=bare / taken, at_least=0.5))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=2_000)
    parser.add_argument("--profile", help="name of one request: print where its time goes, and its statements")
    options = parser.parse_args()
    claims: list[str] = []
    with harness.scratch_database():
        household = Household(seed=1)
        post_in_bulk(household, options.entries)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
        asking = signed_in(household)
        bare = 0.0
        print(f"{'':<18}{'statements':>11}{'ms of processor':>17}{'bare / this':>13}")
        for kind, paths in addresses(household).items():
            for name, path in paths.items():
                ask = asking(path)
                ask()
                ask()
                with CaptureQueriesContext(connection) as captured:
                    ask()
                count = len(captured)
                if options.profile:
                    if options.profile == name:
                        profile(ask, [query["sql"] for query in captured.captured_queries])
                    continue
                taken = cost(ask, times=TIMES)
                bare = bare or taken
                print(f"{name:<18}{count:>11}{taken:>17.1f}{bare / taken:>13.2f}", flush=True)
                claims += claims_of(kind, name, count, taken, bare)
    print()
    print(*claims, sep="\n")
    return harness.status()


def profile(ask: Callable[[], None], statements: list[str]) -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(TIMES):
        ask()
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(35).sort_stats("cumtime").print_stats(70)
    print("\n\n".join(" ".join(statement.split())[:300] for statement in statements))


if __name__ == "__main__":
    sys.exit(main())
