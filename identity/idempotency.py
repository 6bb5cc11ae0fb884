"""Idempotency-Key: the first answer is kept in the transaction of the change that it answers."""

import datetime
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

from identity.models import IdempotencyRecord, User


class IdempotencyMismatch(Exception):
    """This Idempotency-Key was used before with another request body."""


@transaction.atomic
def remember_answer(
    *, user: User, key: str, request_hash: str, run: Callable[[], tuple[int, Any]], book_id: int | None = None
) -> tuple[int, Any, bool]:
    """Run the change once per (user, key) and return (status code, JSON-able answer, replayed).

    The record and the change commit together. A second call waits for the first to commit, then gets its answer;
    if the first fails, the key is free again. Raises IdempotencyMismatch for another `request_hash`. `book_id` is
    that of the book that the request names, if it names one.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO finance_idempotencyrecord (user_id, book_id, key, request_hash, created_at)"
            " VALUES (%s, %s, %s, %s, now()) ON CONFLICT (user_id, key) DO NOTHING",
            [user.pk, book_id, key, request_hash],
        )
        is_first = cursor.rowcount == 1
    if not is_first:
        record = IdempotencyRecord.objects.get(user=user, key=key)
        if record.request_hash != request_hash:
            raise IdempotencyMismatch
        return record.status_code or 200, record.answer, True
    status_code, answer = run()
    IdempotencyRecord.objects.filter(user=user, key=key).update(status_code=status_code, answer=answer)
    return status_code, answer, False


def forget_answer(*, user: User, key: str) -> None:
    """Forget the answer given for a key, which is free again."""
    IdempotencyRecord.objects.filter(user=user, key=key).delete()


def forget_answers(*, before: datetime.datetime) -> int:
    """Forget the answers given before the moment; returns how many. Their keys are free again."""
    return IdempotencyRecord.objects.filter(created_at__lt=before).delete()[0]
