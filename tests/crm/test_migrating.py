"""Indexes that are built while people write: also over what an earlier try left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.migrations.state import ProjectState

from crm.migrating import AddIndexMeanwhile

NAME = "crm_lead_built_meanwhile"


def columns() -> list[str]:
    """What the index is over; empty without one."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "crm_lead")
    return list(found[NAME]["columns"]) if NAME in found else []


def build(*fields: str) -> None:
    operation = AddIndexMeanwhile("lead", models.Index(fields=list(fields), name=NAME))
    before = ProjectState.from_apps(apps)
    after = before.clone()
    operation.state_forwards("crm", after)
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("crm", editor, before, after)


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
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("3s",)
