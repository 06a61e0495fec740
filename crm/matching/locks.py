"""Serialises "is this person or company known?" so that two at once never create two rows.

Advisory locks to the end of the transaction, taken before any row lock, by intake and imports.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

# Somebody creating a few people holds this shared, an import holds it alone.
_EVERYBODY = 0x1EAD
# More keys than this are locked as a whole: PostgreSQL's lock table is not endless.
_MANY = 40


def lock_keys(keys: Iterable[str]) -> None:
    """Wait until nobody else resolves one of these keys; needs a transaction."""
    wanted = sorted(set(keys))
    with connection.cursor() as cursor:
        if len(wanted) > _MANY:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_EVERYBODY])
            return
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_EVERYBODY])
        for key in wanted:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
