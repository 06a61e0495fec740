"""Decides over which rows of facts the compiled expression runs, and as of when.
SQL text for lead (l), account (c), activities (a), answers (n); called by whoever scores."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_PARAM = "%(as_of)s::timestamptz"
# The latest verdict on activity `a` by the moment says a machine did it.
_IS_MACHINE = """EXISTS (
    SELECT 1 FROM crm_activityverdict AS v
    WHERE v.activity_id = a.id AND v.is_machine AND v.recorded_at <= {as_of}
    AND NOT EXISTS (
        SELECT 1 FROM crm_activityverdict AS w
        WHERE w.activity_id = v.activity_id AND w.recorded_at <= {as_of}
        AND (w.recorded_at, w.id) > (v.recorded_at, v.id)
    )
)"""
# The same as a join, which the planner hashes for a range of leads and probes for one lead. (As an
# anti-join it hashes the many activities instead of the few verdicts and loses their order.)
_MACHINES = f"""LEFT JOIN (
    SELECT v.activity_id, v.is_machine FROM crm_activityverdict AS v
    WHERE v.is_machine AND v.recorded_at <= {_PARAM}
    AND NOT EXISTS (
        SELECT 1 FROM crm_activityverdict AS w
        WHERE w.activity_id = v.activity_id AND w.recorded_at <= {_PARAM}
        AND (w.recorded_at, w.id) > (v.recorded_at, v.id)
    )
) AS m ON m.activity_id = a.id"""  # noqa: S608 - constants of this module
_ACCOUNT_NOW = "LEFT JOIN crm_account AS c ON c.id = l.account_id"
_ACCOUNT_THEN = """LEFT JOIN LATERAL (
    SELECT e.* FROM crm_accountevent AS e
    WHERE e.pgh_obj_id = l.account_id AND e.pgh_created_at <= {as_of}
    ORDER BY e.pgh_created_at DESC, e.pgh_id DESC LIMIT 1
) AS c ON true"""
_LEAD_THEN = """(
    SELECT e.* FROM crm_leadevent AS e
    WHERE e.pgh_obj_id = {lead_id} AND e.pgh_created_at <= {as_of}
    ORDER BY e.pgh_created_at DESC, e.pgh_id DESC LIMIT 1
)"""


@dataclass(frozen=True)
class Source:
    """Rows to score. `row_id` names a row of the answer; `as_of` is its moment, as SQL."""

    leads: str
    where: str
    account: str
    activities: str
    activity_row: str
    activity_where: str
    answers: str
    answer_row: str
    answer_where: str
    row_id: str = "l.id"
    as_of: str = _PARAM
    is_machine: str = _IS_MACHINE.format(as_of=_PARAM)
    params: dict[str, Any] = field(default_factory=dict)


def leads_now(lead_ids: Collection[int], *, as_of: datetime) -> Source:
    """These leads with their facts as they stand; `as_of` is the present."""
    return _present("= ANY(%(lead_ids)s::bigint[])", {"lead_ids": list(lead_ids), "as_of": as_of})


def leads_between(first: int, last: int, *, as_of: datetime) -> Source:
    """The leads of a key range, both ends included, with their facts as they stand."""
    params = {"first": first, "last": last, "as_of": as_of}
    return _present("BETWEEN %(first)s AND %(last)s", params)


def _present(keys: str, params: dict[str, Any]) -> Source:
    return Source(
        leads="crm_lead AS l",
        where=f"l.id {keys}",
        account=_ACCOUNT_NOW,
        activities=f"crm_activity AS a {_MACHINES}",
        is_machine="coalesce(m.is_machine, false)",
        activity_row="a.lead_id",
        activity_where=f"a.lead_id {keys}",
        answers="qualification_checklistanswer AS n",
        answer_row="n.lead_id",
        answer_where=f"n.lead_id {keys}",
        params=params,
    )


def leads_as_of(lead_ids: Collection[int], *, as_of: datetime) -> Source:
    """These leads with what was recorded by `as_of`; a lead not recorded by then gives no row."""
    return at_moments((lead_id, lead_id, as_of) for lead_id in lead_ids)


def at_moments(moments: Iterable[tuple[int, int, datetime]]) -> Source:
    """(row id, lead id, moment) each: a lead may come several times, as of different moments."""
    listed = list(moments)
    as_of = "k.as_of"
    return Source(
        leads=f"""unnest(%(row_ids)s::bigint[], %(lead_ids)s::bigint[], %(moments)s::timestamptz[])
            AS k (row_id, lead_id, as_of)
            CROSS JOIN LATERAL {_LEAD_THEN.format(lead_id="k.lead_id", as_of=as_of)} AS l""",
        where="true",
        row_id="k.row_id",
        as_of=as_of,
        account=_ACCOUNT_THEN.format(as_of=as_of),
        activities=_with_keys("crm_activity AS a", "a"),
        activity_row="k.row_id",
        activity_where="true",
        is_machine=_IS_MACHINE.format(as_of=as_of),
        answers=_with_keys("qualification_checklistanswer AS n", "n"),
        answer_row="k.row_id",
        answer_where="true",
        params={
            "row_ids": [row_id for row_id, _, _ in listed],
            "lead_ids": [lead_id for _, lead_id, _ in listed],
            "moments": [moment for _, _, moment in listed],
        },
    )


def _with_keys(table: str, alias: str) -> str:
    return f"""unnest(%(row_ids)s::bigint[], %(lead_ids)s::bigint[], %(moments)s::timestamptz[])
        AS k (row_id, lead_id, as_of) JOIN {table} ON {alias}.lead_id = k.lead_id"""
