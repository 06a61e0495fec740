"""The inventory names every column that could hold something of a person, and each line counts."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import DatabaseError, connection, models, transaction

from crm.models import Lead, User
from crm.models.fields import KeptUntilErased
from qualification.personal import inventory
from qualification.personal.inventory import HELD, NOT_PERSONAL
from tests.qualification.audit.test_chain import settle
from tests.qualification.decision_support import MINUTE, NOW
from tests.qualification.personal import canary

TEXTS = (models.CharField, models.TextField, models.JSONField, models.BinaryField, ArrayField)
LATER = NOW + 20 * MINUTE
BY_TABLE = {held.table: held for held in HELD}


def tables() -> dict[str, type[models.Model]]:
    """Table → model; without the query that pghistory shows as a table of all events."""
    found = apps.get_models(include_auto_created=True)
    return {
        model._meta.db_table: model for model in found if model._meta.db_table != "pghistory_events"
    }


def named_not_personal(model: type[models.Model]) -> frozenset[str]:
    """Columns of a table that holds no person, or of its history."""
    tracked = getattr(model, "pgh_tracked_model", None)
    if tracked is None or tracked._meta.db_table in BY_TABLE:
        return frozenset(NOT_PERSONAL.get(model._meta.db_table, "").split())
    return frozenset(["pgh_label", *NOT_PERSONAL.get(tracked._meta.db_table, "").split()])


def text_columns(model: type[models.Model]) -> set[str]:
    """Columns that could hold what somebody typed: one of a set of choices could not."""
    return {
        field.column
        for field in model._meta.concrete_fields
        if isinstance(field, TEXTS) and not field.choices and not field.generated
    } | {
        field.column
        for field in model._meta.concrete_fields
        if field.get_internal_type() == "GenericIPAddressField"
    }


@pytest.mark.parametrize("table", sorted(tables()))
def test_every_column_of_text_is_named(table: str) -> None:
    columns = text_columns(tables()[table])
    held = BY_TABLE.get(table)
    if held is not None and held.goes:
        return
    named = held.named if held else named_not_personal(tables()[table])
    assert columns <= named, f"{table}: say in personal/inventory.py what becomes of these"


def test_it_names_nothing_that_is_not_there() -> None:
    for table, named in [
        *((held.table, held.named) for held in HELD),
        *((table, frozenset(columns.split())) for table, columns in NOT_PERSONAL.items()),
    ]:
        columns = {field.column for field in tables()[table]._meta.concrete_fields}
        assert named <= columns, table
    assert not set(BY_TABLE) & set(NOT_PERSONAL)


def test_triggers_let_go_exactly_what_the_inventory_blanks() -> None:
    guarded = {
        table: set(trigger.blanks)
        for table, model in tables().items()
        for trigger in getattr(model._meta, "triggers", ())
        if isinstance(trigger, KeptUntilErased)
    }
    assert len(guarded) == 11
    for table, blanks in guarded.items():
        held = BY_TABLE[table]
        assert blanks == {*held.blank, *held.scrub}, table


@pytest.mark.django_db
def test_each_line_of_the_inventory_counts(
    people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any one of them something of the person is left, or PostgreSQL refuses."""
    lead = canary.walk(people)
    settle()
    held = {place.partition(".")[0] for place in canary.found()}
    assert len(held) >= 18
    for entry in HELD:
        if entry.table not in held:
            continue
        with_less = tuple(other for other in HELD if other is not entry)
        monkeypatch.setattr(inventory, "HELD", with_less)
        assert left_after_erasure(lead, people), entry.table
    monkeypatch.setattr(inventory, "HELD", HELD)
    assert left_after_erasure(lead, people) == []


@pytest.mark.django_db
def test_each_column_of_the_inventory_counts(
    people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = canary.walk(people)
    settle()
    places = set(canary.found())
    for entry in HELD:
        for column in (*entry.blank, *entry.scrub):
            if f"{entry.table}.{column}" not in places:
                continue
            without = dataclasses.replace(
                entry,
                blank={name: sql for name, sql in entry.blank.items() if name != column},
                scrub={name: scrub for name, scrub in entry.scrub.items() if name != column},
            )
            changed = tuple(without if other is entry else other for other in HELD)
            monkeypatch.setattr(inventory, "HELD", changed)
            assert left_after_erasure(lead, people), f"{entry.table}.{column}"


def left_after_erasure(lead: Lead, people: dict[str, Any], now: dt.datetime = LATER) -> list[str]:
    """Where something is left; the erasure is rolled back."""
    mark = transaction.savepoint()
    try:
        canary.erased(lead, people, now=now)
        return canary.found()
    except DatabaseError as refused:
        return [str(refused)]
    finally:
        transaction.savepoint_rollback(mark)
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('leadqual.erasing', '', true)")
