"""What a superuser changes with the triggers off is found, whatever it is.

`CHAIN_TAMPERINGS=1000` on demand; the suite plays fewer. Each round starts from a whole chain.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from crm.models import Team, User
from qualification.audit.tables import CHAINED, Chained
from qualification.audit.verify import Report, verify
from qualification.models import Leave, PoolMember, RoutingPool, RoutingRule, WorkProfile
from tests.qualification.audit.test_chain import rejected, settle
from tests.qualification.decision_support import NOW, accepted, active_model

ROUNDS = int(os.environ.get("CHAIN_TAMPERINGS", "150"))
OTHER = {
    "boolean": "NOT coalesce({c}, false)",
    "smallint": "coalesce({c}, 0) + 1",
    "integer": "coalesce({c}, 0) + 1",
    "bigint": "coalesce({c}, 0) + 1",
    "numeric": "coalesce({c}, 0) + 1",
    "jsonb": """jsonb_build_object('was', {c})""",
    "timestamp with time zone": "coalesce({c}, now()) + interval '1 second'",
    "date": "coalesce({c}, current_date) + 1",
    "time without time zone": "coalesce({c}, '08:00') + interval '1 minute'",
    "ARRAY": "{c} || 1",
    "text": "{c} || '.'",
    "character varying": "CASE WHEN {c} = 'x' THEN 'y' ELSE 'x' END",
}


class Tamperer:
    """Somebody who owns the server; `random` decides what they do."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.touched = ""
        self.tables = [chained for chained in CHAINED if self.ids(chained)]

    def ids(self, chained: Chained) -> list[int]:
        return self.column(f'SELECT "{chained.key}" FROM {chained.table} ORDER BY 1')

    def column(self, query: str, *values: Any) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(query, values)
            return [row[0] for row in cursor.fetchall()]

    def write(self, query: str, *values: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(query, values)
            cursor.execute("SET LOCAL session_replication_role = origin")

    def row(self) -> tuple[Chained, int]:
        chained = self.random.choice(self.tables)
        self.touched = chained.table
        return chained, self.random.choice(self.ids(chained))

    def changes(self) -> None:
        chained, pk = self.row()
        name = self.random.choice([*chained.columns, *chained.sealed])
        (kind,) = self.column(
            "SELECT data_type FROM information_schema.columns"
            " WHERE table_name = %s AND column_name = %s",
            chained.table,
            name,
        )
        other = OTHER[kind].format(c=f'"{name}"')
        self.write(f'UPDATE {chained.table} SET "{name}" = {other} WHERE "{chained.key}" = %s', pk)

    def deletes(self) -> None:
        chained, pk = self.row()
        self.write(f'DELETE FROM {chained.table} WHERE "{chained.key}" = %s', pk)

    def inserts(self) -> None:
        chained, pk = self.row()
        self.write(
            f"INSERT INTO {chained.table} SELECT (jsonb_populate_record(r,"
            f" jsonb_build_object('{chained.key}', 90000 + r.\"{chained.key}\"))).*"
            f' FROM {chained.table} AS r WHERE r."{chained.key}" = %s',
            pk,
        )

    def reorders(self) -> None:
        chained, one = self.row()
        others = [pk for pk in self.ids(chained) if pk != one]
        if not others:
            raise IntegrityError("nothing to exchange")
        two = self.random.choice(others)
        query = f'UPDATE {chained.table} SET "{chained.key}" = %s WHERE "{chained.key}" = %s'
        for to, from_ in ((-1, one), (one, two), (two, -1)):
            self.write(query, to, from_)

    def entry(self) -> int:
        seqs = self.column("SELECT seq FROM qualification_auditentry ORDER BY seq")
        return int(self.random.choice(seqs))

    def changes_an_entry(self) -> None:
        change = self.random.choice(
            [
                "actor = coalesce(actor, 0) + 1",
                "at = at + interval '1 second'",
                "digest = encode(sha256(digest::bytea), 'hex')",
                "kind = 'other'",
                "subject = subject + 1",
                "hash = encode(sha256(hash::bytea), 'hex')",
                "previous = encode(sha256(hash::bytea), 'hex')",
            ]
        )
        self.write(f"UPDATE qualification_auditentry SET {change} WHERE seq = %s", self.entry())

    def deletes_an_entry(self) -> None:
        self.write("DELETE FROM qualification_auditentry WHERE seq = %s", self.entry())

    def exchanges_entries(self) -> None:
        one, two = self.entry(), self.entry()
        if one == two:
            raise IntegrityError("nothing to exchange")
        query = "UPDATE qualification_auditentry SET seq = %s WHERE seq = %s"
        for to, from_ in ((-1, one), (one, two), (two, -1)):
            self.write(query, to, from_)


ON_ROWS = [Tamperer.changes, Tamperer.deletes, Tamperer.inserts, Tamperer.reorders]
ON_ENTRIES = [
    Tamperer.changes_an_entry,
    Tamperer.deletes_an_entry,
    Tamperer.exchanges_entries,
]


@pytest.fixture
def tamperer(people: dict[str, User], team: Team) -> Tamperer:
    """A company with rules, routing, leave and decisions, whose chain is whole."""
    active_model()
    accepted(people)
    rejected(people["sdr"])
    pool = RoutingPool.objects.create(name="All", team=team)
    for person in (people["sdr"], people["manager"]):
        PoolMember.objects.create(pool=pool, person=person)
    RoutingRule.objects.create(name="Everybody", team=team, pool=pool)
    profile = WorkProfile.objects.create(person=people["sdr"], capacity=20)
    Leave.objects.create(profile=profile, starts_on=NOW.date(), ends_on=NOW.date())
    settle()
    assert verify().is_whole
    return Tamperer(Random(7))


def after(tamperer: Tamperer, deed: Callable[[Tamperer], None], **how: bool) -> Report | None:
    """What is found after the deed, which is taken back; None when PostgreSQL refused it."""
    mark = transaction.savepoint()
    try:
        deed(tamperer)
        return verify(**how)
    except (IntegrityError, DataError):
        return None
    finally:
        transaction.savepoint_rollback(mark)


def play(tamperer: Tamperer, deeds: list[Any], rounds: int, **how: bool) -> list[str]:
    """The deeds that were not found, of so many that were done."""
    missed, done = [], 0
    while done < rounds:
        deed = deeds[done % len(deeds)]
        report = after(tamperer, deed, **how)
        if report is not None:
            done += 1
            if report.is_whole:
                missed.append(f"{deed.__name__} {tamperer.touched}")
    return missed


@pytest.mark.django_db
def test_every_tampering_is_found(tamperer: Tamperer) -> None:
    assert len(tamperer.tables) > 15
    assert play(tamperer, [*ON_ROWS, *ON_ENTRIES], ROUNDS) == []
    assert verify().is_whole


@pytest.mark.django_db
def test_control_hashes_alone_miss_what_was_done_to_rows(tamperer: Tamperer) -> None:
    assert len(play(tamperer, ON_ROWS, 20, with_rows=False)) == 20
