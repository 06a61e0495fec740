"""Decides how facts that are not stored become rows the compiled expression reads.
Facts come as JSON and go through the same statement as stored leads, many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qualification.scoring.compile.facts import FOLDED
from qualification.scoring.compile.sources import DERIVED, Source
from qualification.scoring.facts import GivenFacts
from qualification.scoring.operators import ValueType
from qualification.scoring.subjects import ACCOUNT_FIELDS, LEAD_FIELDS

_KEYS = """unnest(
        %(row_ids)s::bigint[], %(given)s::text[]::jsonb[], %(moments)s::timestamptz[]
    ) AS k (row_id, facts, as_of)"""
_COLUMN_TYPES = {
    ValueType.TEXT: "text",
    ValueType.NUMBER: "bigint",
    ValueType.BOOLEAN: "boolean",
    ValueType.DATE: "timestamptz",
}
_ACTIVITY_COLUMNS = (
    "type text, occurred_at timestamptz, recorded_at timestamptz, properties jsonb, machine boolean"
)


def _columns(types: Mapping[str, ValueType]) -> str:
    return ", ".join(f'"{name}" {_COLUMN_TYPES[kind]}' for name, kind in types.items())


def _folded(family: str) -> str:
    """What the generated columns of the tables hold."""
    names = sorted(FOLDED[family])
    return "".join(f', lower(btrim(r."{name}")) AS {name}_folded' for name in names)


_LEADS = f"""{_KEYS}
    CROSS JOIN LATERAL (
        SELECT r.*{_folded("lead")}, k.facts -> 'attributes' AS attributes,
            crm_folded(k.facts -> 'attributes') AS attributes_folded
        FROM jsonb_to_record(k.facts -> 'lead') AS r ({_columns(LEAD_FIELDS)})
    ) AS l"""  # noqa: S608 - names of our own  # nosec
_ACCOUNT = f"""LEFT JOIN LATERAL (
        SELECT r.*{_folded("account")}
        FROM jsonb_to_record(k.facts -> 'account') AS r ({_columns(ACCOUNT_FIELDS)})
        WHERE k.facts -> 'account' IS NOT NULL
    ) AS c ON true"""  # noqa: S608 - names of our own  # nosec
# The second half is what every row did: one list for many rows.
_ACTIVITIES = f"""{_KEYS} CROSS JOIN LATERAL (
        SELECT * FROM jsonb_to_recordset(k.facts -> 'activities') AS r ({_ACTIVITY_COLUMNS})
        UNION ALL
        SELECT * FROM jsonb_to_recordset(%(shared)s::text::jsonb) AS r ({_ACTIVITY_COLUMNS})
    ) AS a"""  # noqa: S608 - names of our own  # nosec
_COMMITTEE = """CROSS JOIN LATERAL (
        SELECT (k.facts #>> '{account,people}')::bigint AS people,
            (k.facts #>> '{account,active_people}')::bigint AS active_people,
            (k.facts #>> '{account,roles_covered}')::bigint AS roles_covered
    ) AS g"""
_ANSWERS = f"""{_KEYS} CROSS JOIN LATERAL (
        SELECT y.id AS criterion_id, r.value -> 'value' AS value, r.value ->> 'state' AS state,
            k.as_of AS recorded_at, NULL::timestamptz AS superseded_at, y.id
        FROM jsonb_each(k.facts -> 'checklist') AS r
        JOIN qualification_criterion AS y ON y.key = r.key
    ) AS n"""  # noqa: S608 - names of our own  # nosec


def leads_given(many: Sequence[GivenFacts], *, shared: str = "[]") -> Source:
    """These facts, each as of its own moment; row ids count from 0.

    `shared`: activities that belong to every one of them, as JSON text of a list.
    """
    return Source(
        leads=_LEADS,
        where="true",
        account=_ACCOUNT,
        activities=_ACTIVITIES,
        activity_row="k.row_id",
        activity_where="true",
        answers=_ANSWERS,
        answer_row="k.row_id",
        answer_where="true",
        row_id="k.row_id",
        as_of="k.as_of",
        is_machine="a.machine",
        committee=_COMMITTEE,
        has_account="(k.facts -> 'account') IS NOT NULL",
        derived={name: f"l.{name.partition('.')[2]}" for name in DERIVED},
        origin="CROSS JOIN LATERAL (SELECT l.source AS name) AS o",
        params={
            "row_ids": list(range(len(many))),
            "given": [facts.to_json() for facts in many],
            "moments": [facts.as_of for facts in many],
            "shared": shared,
        },
    )
