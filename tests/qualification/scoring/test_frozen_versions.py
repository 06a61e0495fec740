"""PostgreSQL refuses to change or delete a version that left draft, in every table that holds it.

Raw SQL, column by column; the control is the same statement on a draft.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.db.models import Field

from qualification.models import ModelChange, ReleaseNote, ScoringModel, ScoringRule
from qualification.scoring import drafts, versions
from tests.factories import person
from tests.qualification.scoring.conftest import LoadModel, document, rule
from tests.qualification.version_support import no_minimum

pytestmark = pytest.mark.django_db

RAW = document(
    rule({"subject": "lead.title", "op": "is_known"}, group="who"),
    caps={"who": 30},
    account_fit={"poor_below": 5, "cap": 40},
)
RuleEvent = apps.get_model("qualification", "ScoringRuleEvent")
# A trigger says no, not a type or a key.
REFUSED = "Cannot (update|delete)|is frozen|Invalid transition"
# Another value of the same type, for columns where the general ones do not do.
SPECIAL = {
    "status": "'draft'",
    "published_as": "'operator'",
    "dimension": "'intent'",
    "pgh_label": "'other'",
    "pgh_context_id": "gen_random_uuid()",
}


def another(field: Field[Any, Any]) -> str:
    """SQL for a value that differs from the stored one."""
    column = f'"{field.column}"'
    if field.column in SPECIAL:
        return SPECIAL[field.column]
    if field.is_relation or field.get_internal_type().endswith("AutoField"):
        return f"coalesce({column}, 0) + 1000"
    of_type = {
        "DateTimeField": f"coalesce({column}, now()) + interval '1 day'",
        "JSONField": """'{"other": 1}'::jsonb""",
        **dict.fromkeys(["CharField", "SlugField", "TextField"], f"{column} || 'x'"),
    }
    return of_type.get(field.get_internal_type(), f"coalesce({column}, 0) + 1")


def columns_of(model: type[Any]) -> list[Any]:
    return [field for field in model._meta.concrete_fields if not field.primary_key]


def run(sql: str, *values: object) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


def in_shadow(model: ScoringModel, now: dt.datetime) -> ScoringModel:
    return versions.start_shadow(model=model, by=person("manager"), now=now)


def live(model: ScoringModel, now: dt.datetime) -> ScoringModel:
    return versions.publish(model=in_shadow(model, now), by=person("admin"), now=now)


def past(model: ScoringModel, now: dt.datetime) -> ScoringModel:
    live(model, now)
    other = drafts.copy_to_draft(model=model, by=None, now=now)
    versions.activate_as_operator(model=other, now=now)
    model.refresh_from_db()
    return model


def withdrawn(model: ScoringModel, now: dt.datetime) -> ScoringModel:
    return versions.withdraw_shadow(model=in_shadow(model, now), by=person("admin"), now=now)


LEFT_DRAFT = [in_shadow, live, past, withdrawn]


@pytest.fixture
def draft(load_model: LoadModel, settings: Any, now: dt.datetime) -> ScoringModel:
    """A draft with a rule and a change."""
    no_minimum(settings)
    model = load_model(RAW)
    drafts.change_points(
        draft=model, rule_key="a-rule", points=model.rules.get().points + 1, by=None, now=now
    )
    return model


def rows_of(table: type[Any], model: ScoringModel) -> str:
    """SQL: the rows of the table that belong to the version."""
    column = "id" if table is ScoringModel else "model_id"
    return f'FROM "{table._meta.db_table}" WHERE {column} = {model.pk}'


def update(table: type[Any], field: Any, model: ScoringModel) -> str:
    _from, _, rest = rows_of(table, model).partition(" WHERE ")
    return f'UPDATE "{table._meta.db_table}" SET "{field.column}" = {another(field)} WHERE {rest}'


OF_THE_VERSION = [ScoringModel, ScoringRule, RuleEvent, ModelChange]


@pytest.mark.parametrize("leave", LEFT_DRAFT)
@pytest.mark.parametrize("table", OF_THE_VERSION)
def test_no_column_of_it_changes(
    draft: ScoringModel,
    now: dt.datetime,
    leave: Callable[[ScoringModel, dt.datetime], ScoringModel],
    table: type[Any],
) -> None:
    model = leave(draft, now)
    assert run(f"SELECT 1 {rows_of(table, model)}")
    for field in columns_of(table):
        with pytest.raises(DatabaseError, match=REFUSED):
            run(update(table, field, model))


@pytest.mark.parametrize("leave", LEFT_DRAFT)
@pytest.mark.parametrize("table", OF_THE_VERSION)
def test_no_row_of_it_is_deleted(
    draft: ScoringModel,
    now: dt.datetime,
    leave: Callable[[ScoringModel, dt.datetime], ScoringModel],
    table: type[Any],
) -> None:
    model = leave(draft, now)
    with pytest.raises(DatabaseError, match=REFUSED):
        run(f"DELETE {rows_of(table, model)}")


@pytest.mark.parametrize("leave", LEFT_DRAFT)
@pytest.mark.parametrize("table", [ScoringRule, ModelChange])
def test_no_row_is_added_to_it(
    draft: ScoringModel,
    now: dt.datetime,
    leave: Callable[[ScoringModel, dt.datetime], ScoringModel],
    table: type[Any],
) -> None:
    model = leave(draft, now)
    names = [f'"{field.column}"' for field in columns_of(table)]
    values = ["key || 'x'" if name == '"key"' else name for name in names]
    with pytest.raises(DatabaseError, match="is frozen"):
        run(
            f'INSERT INTO "{table._meta.db_table}" ({", ".join(names)})'
            f" SELECT {', '.join(values)} {rows_of(table, model)}"
        )


def test_a_release_note_never_changes(draft: ScoringModel, now: dt.datetime) -> None:
    model = live(draft, now)
    for field in columns_of(ReleaseNote):
        with pytest.raises(DatabaseError, match=REFUSED):
            run(update(ReleaseNote, field, model))
    with pytest.raises(DatabaseError, match=REFUSED):
        run(f"DELETE {rows_of(ReleaseNote, model)}")


# What a draft does not have yet is no content of it: these belong to the moves.
OF_MOVES = {"shadow_started_at", "shadow_by_id", "published_at", "published_as", "published_by_id"}
# Rows of no version may change, whatever its status.
NEVER = {"id", "model_id", "parent_id", "created_by_id", "retired_at", "status", "by_id"} | OF_MOVES


@pytest.mark.parametrize("table", [ScoringModel, ScoringRule])
def test_control_the_same_on_a_draft_is_done(draft: ScoringModel, table: type[Any]) -> None:
    for field in columns_of(table):
        if field.column not in NEVER:
            assert run(update(table, field, draft)) == 1, field.column


def test_control_a_draft_goes_with_all_that_is_its_own(draft: ScoringModel) -> None:
    for table in (ModelChange, ScoringRule, ScoringModel):
        assert run(f"DELETE {rows_of(table, draft)}") == 1


def test_the_author_of_a_change_is_never_edited(draft: ScoringModel) -> None:
    """Also in a draft: who stands there may not publish."""
    with pytest.raises(DatabaseError):
        run("UPDATE qualification_modelchange SET by_id = NULL, text = 'x'")


@pytest.mark.parametrize(
    "change",
    [
        "published_as = 'person', published_by_id = {admin}",
        "published_as = 'person', published_by_id = {admin}, shadow_started_at = now() + '1 day'",
        "published_as = 'person', shadow_started_at = now() - interval '1 day'",
        "published_as = 'operator', published_by_id = {admin}",
        "published_as = ''",
    ],
)
def test_only_two_forms_of_going_live(draft: ScoringModel, change: str) -> None:
    """A person after a shadow, or the operator."""
    admin = person("admin")
    sql = "UPDATE qualification_scoringmodel SET status = 'active', published_at = now(), "
    with pytest.raises(DatabaseError):
        run(f"{sql}{change.format(admin=admin.pk)} WHERE id = %s", draft.pk)
    allowed = "published_as = 'operator', published_by_id = NULL"
    assert run(f"{sql}{allowed} WHERE id = %s", draft.pk) == 1


@pytest.mark.parametrize("status", ["draft", "shadow", "retired"])
def test_a_live_version_moves_only_to_past_with_a_time(
    draft: ScoringModel, now: dt.datetime, status: str
) -> None:
    model = live(draft, now)
    with pytest.raises(DatabaseError):
        run("UPDATE qualification_scoringmodel SET status = %s WHERE id = %s", status, model.pk)
