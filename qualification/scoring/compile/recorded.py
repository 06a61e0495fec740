"""Decides how the facts of a stored lead are read as facts one could be given.
Called by what would change the verdict, which changes them and scores them again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from qualification.scoring.compile.facts import Facts, Params
from qualification.scoring.compile.model import CompiledModel
from qualification.scoring.compile.sources import Source, leads_now
from qualification.scoring.facts import GivenFacts
from qualification.scoring.subjects import (
    ACCOUNT_FIELDS,
    ACTIVE_DAYS,
    LEAD_FIELDS,
    Catalogue,
    subject_of,
)


@dataclass(frozen=True)
class Recorded:
    """The facts of one lead; `activities` apart, as JSON text of a list: those the model may count.
    They are many, and the same whatever else changes. `is_active`: a person did something lately,
    so that the account counts them among its active people."""

    facts: GivenFacts
    activities: str
    is_active: bool


def recorded_facts(compiled: CompiledModel, lead_id: int, *, as_of: datetime) -> Recorded | None:
    """What is known of a stored lead as it stands at `as_of`; None when there is no such lead."""
    source = leads_now([lead_id], as_of=as_of)
    with connection.cursor() as cursor:
        cursor.execute(_fields_sql(source), source.params)
        row = cursor.fetchone()
        if row is None:
            return None
        lead, account, attributes = (json.loads(text or "null") for text in row)
        cursor.execute(_answers_sql(source), source.params)
        answers = {
            key: {"value": json.loads(value) if value else None, "state": state}
            for key, value, state in cursor.fetchall()
        }
        cursor.execute(_activities_sql(source), source.params | _wanted(compiled))
        activities, is_active = cursor.fetchone()
    facts = GivenFacts(
        as_of=as_of, lead=lead, account=account, attributes=attributes, checklist=answers
    )
    return Recorded(facts, activities, is_active)


def _fields_sql(source: Source) -> str:
    """One row: lead, account (NULL without one) and attributes as JSON text."""
    reader = Facts(Params(), {}, Catalogue())
    objects = []
    for family, names in (("lead", LEAD_FIELDS), ("account", ACCOUNT_FIELDS)):
        pairs = [
            f"'{name}', {reader.stored(subject_of(f'{family}.{name}'), source)}" for name in names
        ]
        objects.append(f"jsonb_strip_nulls(jsonb_build_object({', '.join(pairs)}))::text")
    lead, account = objects
    return f"""
        SELECT {lead}, CASE WHEN {source.has_account} THEN {account} END, l.attributes::text
        FROM {source.leads} {source.account} {source.committee} {source.origin}
        WHERE {source.where}
    """  # noqa: S608 - text of this package; values are parameters  # nosec


def _answers_sql(source: Source) -> str:
    return f"""
        SELECT DISTINCT ON (q.key) q.key, n.value::text, n.state
        FROM {source.answers} JOIN qualification_criterion AS q ON q.id = n.criterion_id
        WHERE {source.answer_where} AND n.recorded_at <= {source.as_of}
          AND (n.superseded_at IS NULL OR n.superseded_at > {source.as_of})
        ORDER BY q.key, n.recorded_at DESC, n.id DESC
    """  # noqa: S608 - text of this package; values are parameters  # nosec


def _activities_sql(source: Source) -> str:
    return f"""
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'type', a.type, 'occurred_at', a.occurred_at, 'recorded_at', a.recorded_at,
            'properties', a.properties, 'machine', false
        )) FILTER (WHERE %(any_type)s OR a.type = ANY(%(types)s)), '[]')::text,
            coalesce(bool_or(
                a.occurred_at > {source.as_of} - interval '{ACTIVE_DAYS} days'
            ), false)
        FROM {source.activities}
        WHERE {source.activity_where} AND a.occurred_at <= {source.as_of}
          AND a.recorded_at <= {source.as_of} AND NOT {source.is_machine}
    """  # noqa: S608 - text of this package; values are parameters  # nosec


def _wanted(compiled: CompiledModel) -> dict[str, object]:
    asked = compiled.activities
    return {"any_type": asked.wants_any_type, "types": sorted(asked.types)}
