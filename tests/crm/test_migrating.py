"""Indexes that are built and taken away while people write: also over what an earlier try left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.migrations.state import ProjectState

from crm.migrating import AddIndexMeanwhile, UnindexMeanwhile
from crm.models import Team

NAME = "crm_lead_built_meanwhile"
# No query asks for them: each is the beginning of another, or of a column nobody asks history by.
UNREAD = (
    ("crm_leadevent", "pgh_context_id"),
    ("crm_leadevent", "source_id"),
    ("crm_leadevent", "team_id"),
    ("crm_accountevent", "pgh_context_id"),
    ("crm_accountevent", "parent_id"),
    ("crm_stageevent", "lead_id"),
    ("crm_activity", "source_id"),
    ("crm_inboxmessage", "source_id"),
    ("crm_leadidentity", "source_id"),
)


def indexed(table: str, *columns: str) -> list[str]:
    """The names of indexes over exactly these columns that make nothing unique."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table)
    return [
        name
        for name, one in found.items()
        if one["index"] and not one["unique"] and one["columns"] == list(columns)
    ]


def columns() -> list[str]:
    """What the index is over; empty without one."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "crm_lead")
    return list(found[NAME]["columns"]) if NAME in found else []


def lock_timeout() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        return str(cursor.fetchone()[0])


def run(operation: Any, *, back: bool = False) -> None:
    before = ProjectState.from_apps(apps)
    after = before.clone()
    operation.state_forwards("crm", after)
    with connection.schema_editor(atomic=False) as editor:
        if back:
            operation.database_backwards("crm", editor, after, before)
        else:
            operation.database_forwards("crm", editor, before, after)


def build(*fields: str) -> None:
    run(AddIndexMeanwhile("lead", models.Index(fields=list(fields), name=NAME)))


@pytest.fixture
def no_index_stays(transactional_db: None) -> Iterator[None]:
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX IF EXISTS {NAME}")


def test_it_builds_the_index_over_what_was_left_of_it(no_index_stays: None) -> None:
    build("city")
    assert columns() == ["city"]
    build("city", "stage")
    assert columns() == ["city", "stage"]
    assert lock_timeout() == "3s"


def test_it_takes_the_own_index_of_a_reference_and_no_other(transactional_db: None) -> None:
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="leads", db_index=False)
    others = indexed("crm_lead", "source_id")
    assert indexed("crm_lead", "team_id")
    assert others
    try:
        run(UnindexMeanwhile("lead", "team", team))
        assert not indexed("crm_lead", "team_id")
        assert indexed("crm_lead", "source_id") == others
        run(UnindexMeanwhile("lead", "team", team))  # an earlier try had got so far
        assert lock_timeout() == "3s"
    finally:
        run(UnindexMeanwhile("lead", "team", team), back=True)
    assert len(indexed("crm_lead", "team_id")) == 1


@pytest.mark.django_db
def test_history_has_no_index_that_nobody_asks_for() -> None:
    assert [one for one in UNREAD if indexed(*one)] == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [
        "crm_leadevent WHERE pgh_obj_id = 1",
        "crm_leadevent WHERE account_id = 1",
        "crm_accountevent WHERE pgh_obj_id = 1",
        "crm_stageevent WHERE lead_id = 1",
        "crm_activity WHERE source_id = 1 AND event_key = 'x'",
        "crm_inboxmessage WHERE source_id = 1 AND event_key = 'x'",
        "crm_leadidentity WHERE source_id = 1 AND external_id = 'x'",
    ],
)
def test_what_is_asked_has_an_index(query: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN SELECT FROM {query}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Cond" in plan, plan
