"""Decides over which rows of facts the compiled expression runs, and as of when.
SQL text for lead (l), account (c), activities (a), answers (n); called by whoever scores."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from qualification.scoring.subjects import ACTIVE_DAYS

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
# Of what was recorded by then the row written last: rows of one object are written one at a time,
# under its lock, while their moments are those of the doors, which may wait for one another.
_ACCOUNT_THEN = """LEFT JOIN LATERAL (
    SELECT e.* FROM crm_accountevent AS e
    WHERE e.pgh_obj_id = l.account_id AND e.pgh_created_at <= {as_of}
    ORDER BY e.pgh_id DESC LIMIT 1
) AS c ON true"""
_LEAD_THEN = """(
    SELECT e.* FROM crm_leadevent AS e
    WHERE e.pgh_obj_id = {lead_id} AND e.pgh_created_at <= {as_of}
    ORDER BY e.pgh_id DESC LIMIT 1
)"""
_ORIGIN = "LEFT JOIN crm_source AS o ON o.id = l.source_id"

# --- the people of an account -------------------------------------------------------------------

_ROLE_HELD = "r.recorded_at <= {as_of} AND (r.ended_at IS NULL OR r.ended_at > {as_of})"
# Whether person `m` did something lately; the first find ends the look.
_IS_ACTIVE = f"""EXISTS (
    SELECT 1 FROM crm_activity AS a
    WHERE a.lead_id = m.lead_id AND a.recorded_at <= {{as_of}} AND a.occurred_at <= {{as_of}}
      AND a.occurred_at > {{as_of}} - interval '{ACTIVE_DAYS} days' AND NOT {_IS_MACHINE}
)"""  # noqa: S608 - text of this module  # nosec
# Once for all accounts of the rows, a person at a time, each branch planned by itself: hashed for
# a range of a million leads, probed for one lead.
_COMMITTEE_NOW = """LEFT JOIN (
    SELECT u.account_id, count(*) FILTER (WHERE u.what = 'person') AS people,
        count(*) FILTER (WHERE u.what = 'active') AS active_people,
        count(DISTINCT u.role) AS roles_covered
    FROM (
        SELECT m.account_id, 'person' AS what, NULL::text AS role FROM {members} AS m
        UNION ALL
        SELECT m.account_id, 'active', NULL FROM {members} AS m WHERE {is_active}
        UNION ALL
        SELECT m.account_id, 'role', r.role FROM {members} AS m
        JOIN crm_leadrole AS r ON r.lead_id = m.lead_id AND {role_held}
    ) AS u GROUP BY u.account_id
) AS g ON g.account_id = l.account_id"""
_MEMBERS_NOW = """(
    SELECT p.id AS lead_id, p.account_id FROM crm_lead AS p
    WHERE p.account_id IN (SELECT s.account_id FROM crm_lead AS s WHERE s.id {keys})
        AND p.merged_into_id IS NULL
)"""
# Who belonged to the account by the moment: whoever ever did, by the latest that was recorded.
_COMMITTEE_THEN = """LEFT JOIN LATERAL (
    SELECT count(DISTINCT m.lead_id) AS people,
        count(DISTINCT m.lead_id) FILTER (WHERE {is_active}) AS active_people,
        count(DISTINCT r.role) AS roles_covered
    FROM (
        SELECT DISTINCT ON (e.pgh_obj_id) e.pgh_obj_id AS lead_id, e.account_id
        FROM crm_leadevent AS e
        WHERE e.pgh_obj_id IN (
            SELECT w.pgh_obj_id FROM crm_leadevent AS w WHERE w.account_id = l.account_id
        ) AND e.pgh_created_at <= {as_of}
        ORDER BY e.pgh_obj_id, e.pgh_id DESC
    ) AS m
    LEFT JOIN crm_leadrole AS r ON r.lead_id = m.lead_id AND {role_held}
    WHERE m.account_id = l.account_id AND NOT EXISTS (
        SELECT FROM crm_leadmerge AS j WHERE j.loser_id = m.lead_id AND j.at <= {as_of}
            AND (j.undone_at IS NULL OR j.undone_at > {as_of}))
) AS g ON l.account_id IS NOT NULL"""


# Facts that no column holds.
DERIVED = ("lead.phone_kind", "lead.buying_roles")


def _derived(as_of: str) -> dict[str, str]:
    """Whether anybody could call the number, and the parts the person plays, as SQL by subject."""
    held = _ROLE_HELD.format(as_of=as_of)
    return {
        "lead.phone_kind": """CASE WHEN coalesce(btrim(l.phone), '') = '' THEN NULL
            WHEN l.phone_key IS NULL THEN 'fake' ELSE 'real' END""",
        "lead.buying_roles": f"""(
            SELECT string_agg(r.role, ', ' ORDER BY r.role COLLATE "C") FROM crm_leadrole AS r
            WHERE r.lead_id = l.id AND {held}
        )""",  # noqa: S608 - text of this module  # nosec
    }


@dataclass(frozen=True)
class Source:
    """Rows to score. `row_id` names a row of the answer; `as_of` is its moment, as SQL.

    `committee` joins the numbers of the lead's account as `g` (people, active_people,
    roles_covered); only models that ask for them pay for it. `derived`: subject → SQL of a fact
    without a column. `has_account`: SQL, whether the lead belongs to one.
    """

    leads: str
    where: str
    account: str
    activities: str
    activity_row: str
    activity_where: str
    answers: str
    answer_row: str
    answer_where: str
    committee: str
    row_id: str = "l.id"
    has_account: str = "l.account_id IS NOT NULL"
    as_of: str = _PARAM
    is_machine: str = _IS_MACHINE.format(as_of=_PARAM)
    derived: Mapping[str, str] = field(default_factory=lambda: _derived(_PARAM))
    origin: str = _ORIGIN
    params: dict[str, Any] = field(default_factory=dict)
    # Sources of one name differ in the values of `params` only; blank where there is no such name.
    name: str = ""


def leads_now(lead_ids: Collection[int], *, as_of: datetime) -> Source:
    """These leads with their facts as they stand; `as_of` is the present."""
    params = {"lead_ids": list(lead_ids), "as_of": as_of}
    return replace(_present("= ANY(%(lead_ids)s::bigint[])", params), name="now")


def leads_between(first: int, last: int, *, as_of: datetime) -> Source:
    """The leads of a key range, both ends included, with their facts as they stand."""
    params = {"first": first, "last": last, "as_of": as_of}
    return _present("BETWEEN %(first)s AND %(last)s", params)


def lead_in(outer: str, *, as_of: datetime) -> Source:
    """The one lead whose key stands in the column `outer` of the query around, as it stands."""
    return _present(f"= {outer}", {"as_of": as_of})


def all_leads(*, as_of: datetime) -> Source:
    """Every lead with its facts as they stand."""
    return _present("IS NOT NULL", {"as_of": as_of})


def _present(keys: str, params: dict[str, Any]) -> Source:
    members = _MEMBERS_NOW.format(keys=keys)
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
        committee=_COMMITTEE_NOW.format(
            members=members,
            is_active=_IS_ACTIVE.format(as_of=_PARAM),
            role_held=_ROLE_HELD.format(as_of=_PARAM),
        ),
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
        committee=_COMMITTEE_THEN.format(
            as_of=as_of,
            is_active=_IS_ACTIVE.format(as_of=as_of),
            role_held=_ROLE_HELD.format(as_of=as_of),
        ),
        derived=_derived(as_of),
        params={
            "row_ids": [row_id for row_id, _, _ in listed],
            "lead_ids": [lead_id for _, lead_id, _ in listed],
            "moments": [moment for _, _, moment in listed],
        },
    )


def _with_keys(table: str, alias: str) -> str:
    return f"""unnest(%(row_ids)s::bigint[], %(lead_ids)s::bigint[], %(moments)s::timestamptz[])
        AS k (row_id, lead_id, as_of) JOIN {table} ON {alias}.lead_id = k.lead_id"""
