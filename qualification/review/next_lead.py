"""“Next lead”: the best waiting lead in sight becomes this person's claim, in one message to the
database. Called by views.

The message is one transaction: it locks the person, then one statement counts their claims, picks,
and writes item, stage and both events. Lead and item are taken with SKIP LOCKED: whoever waits for
nothing cannot deadlock.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection

from crm.clock import STAMP
from crm.lifecycle import moving_parameters, moving_sql
from crm.models import User
from crm.stages import Stage
from qualification import prepared
from qualification.exceptions import AlreadyDecided, ClaimTaken, NotTheirTurn
from qualification.models import ReviewItem, Skip
from qualification.models.review import RANK
from qualification.permissions import Right
from qualification.review import guard
from qualification.review.claims import (
    SIGHT_SQL,
    claim_item,
    claim_limit,
    refuse_at_limit,
    sight_parameters,
    teams_in_sight,
)
from qualification.review.items import lease_end

# How often "next lead" tries again after losing the last leads to others.
TRIES = 5
# How many leads of each team are looked at; more than people who press "next lead" at one moment.
CANDIDATES = 64

_COLUMNS = tuple(field.attname for field in ReviewItem._meta.concrete_fields)
_RANK = ", ".join(RANK)
# Routing chose nobody for it: an index of its own holds these.
_FOR_ANYBODY = "assignee_id IS NULL AND pool_id IS NULL"
_WAITING = f"""
    SELECT {_RANK} FROM qualification_reviewitem AS w WHERE state = 'waiting' AND NOT EXISTS (
        SELECT FROM qualification_skip AS s
        WHERE s.by_id = %(by)s AND s.until > %(now)s AND s.item_id = w.id
    )
"""  # noqa: S608 - names of columns

_PICK = f"""
    WITH seat AS MATERIALIZED (
        -- By the index of their holder: that of the leases holds those of everybody.
        SELECT count(*) FILTER (WHERE state = 'claimed' AND lease_until > %(now)s) AS held
        FROM qualification_reviewitem WHERE holder_id = %(by)s AND state IN ('claimed', 'owned')
    ), teams AS MATERIALIZED (
        {SIGHT_SQL}
    ), candidates AS (
        SELECT best_of_team.* FROM teams CROSS JOIN LATERAL (
            {_WAITING} AND team_id = teams.id AND {_FOR_ANYBODY}
            ORDER BY {_RANK} LIMIT {CANDIDATES}
        ) AS best_of_team
        UNION ALL (
            {_WAITING} AND assignee_id = %(by)s AND team_id IN (SELECT id FROM teams)
            ORDER BY {_RANK} LIMIT {CANDIDATES}
        )
    ), best AS (
        SELECT free.* FROM (SELECT id FROM candidates ORDER BY {_RANK}) AS candidate
        CROSS JOIN LATERAL (
            SELECT i.id, i.lead_id, l.stage AS from_stage
            FROM qualification_reviewitem AS i JOIN crm_lead AS l ON l.id = i.lead_id
            WHERE i.id = candidate.id AND i.state = 'waiting' AND l.stage = 'mql'
              AND (i.assignee_id = %(by)s OR ({_FOR_ANYBODY}))
            FOR NO KEY UPDATE OF l, i SKIP LOCKED
        ) AS free
        WHERE (SELECT held FROM seat) < %(limit)s
        LIMIT 1
    ), claimed AS (
        UPDATE qualification_reviewitem AS i
        SET state = 'claimed', holder_id = %(by)s, claimed_at = %(now)s, lease_until = %(until)s,
            hold_reason = '', token = i.token + 1
        FROM best WHERE i.id = best.id
        RETURNING {", ".join(f"i.{name}" for name in _COLUMNS)}
    ), {moving_sql("best")}, logged AS (
        INSERT INTO qualification_itemevent (item_id, verb, by_id, at, note)
        SELECT id, 'item:claimed', %(by)s, %(now)s, '' FROM claimed
    )
    SELECT seat.held, claimed.* FROM seat LEFT JOIN claimed ON true
"""  # noqa: S608 - constants and names of columns
# The person first, so that two tabs cannot both take the last claim allowed: the statement after it
# counts what stands once the lock is there.
_SEAT = f"""
    {STAMP}, set_config('plan_cache_mode', 'force_generic_plan', true)
    FROM crm_user WHERE id = %(by)s FOR NO KEY UPDATE
"""
# Parsed and planned once a connection: planning takes longer than claiming.
_STATEMENTS = {"leadqual_seat": _SEAT, "leadqual_next_lead": _PICK}
_NEXT = "; ".join(
    f"EXECUTE {name} ({', '.join(f'%({place})s' for place in prepared.names_in(sql))})"
    for name, sql in _STATEMENTS.items()
)


def claim_next(*, by: User, now: datetime) -> ReviewItem | None:
    """Claims the best waiting lead in sight; None when the queue is clear.

    Raises PermissionDenied without the right, ClaimLimitReached at the claim limit.
    """
    guard.require_right(by, Right.WORK_QUEUE)
    for _try in range(TRIES):
        item = _take_best(by, now=now)
        if item is not None:
            return item
        # Nothing free at once: the queue is clear, or somebody works on its rows just now.
        free = ReviewItem.objects.free_for(by).filter(team__in=teams_in_sight(by))
        skipped = Skip.objects.filter(by=by, until__gt=now).values("item")
        busy = free.exclude(pk__in=skipped).ranked().first()
        if busy is None:
            return None
        try:
            return claim_item(item=busy, by=by, now=now)
        except (ClaimTaken, AlreadyDecided, NotTheirTurn):
            continue
    return None


def _take_best(by: User, *, now: datetime) -> ReviewItem | None:
    with connection.cursor() as cursor:
        for name, sql in _STATEMENTS.items():
            prepared.prepare(cursor, name, partial(prepared.numbered, sql, prepared.names_in(sql)))
        cursor.execute(_NEXT, _parameters(by, now))
        while cursor.nextset():
            pass
        held, *values = cursor.fetchone()
    if values[0] is None:
        refuse_at_limit(by, held=held)
        return None
    item = ReviewItem.from_db(connection.alias, _COLUMNS, values)
    item.holder = by
    return item


def _parameters(by: User, now: datetime) -> dict[str, Any]:
    return {
        **moving_parameters(to=Stage.WORKING, reason="claimed", by=by, now=now),
        **sight_parameters(by),
        "limit": claim_limit(),
        "until": lease_end(now),
    }
