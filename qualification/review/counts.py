"""The numbers above the queue: of what is open in sight, and of the reader's own claims.

Called by views. Every count stops at a cap and reads an index, so that a long queue costs no more
than a short one; `1,000+` says as much as `18,204`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q

from crm.models import User
from qualification import prepared
from qualification.choices import Bucket, ItemState
from qualification.review.claims import SIGHT_SQL, claim_limit, sight_parameters
from qualification.sla.faces import horizons

# Beyond it a count says “more”.
CAP = 1000
# The clock of a row warns with so much open time left, as it does in the browser.
WARN_WITHIN = timedelta(minutes=15)
UNANSWERED = Q(state__in=[ItemState.WAITING, ItemState.CLAIMED]) & ~Q(bucket=Bucket.PAUSED)
PAUSED = Q(state__in=[ItemState.WAITING, ItemState.CLAIMED], bucket=Bucket.PAUSED)
# No item: what nothing else was added to by “or”.
NONE = Q(pk__in=())


@dataclass(frozen=True)
class Summary:
    """Counts of the open items in sight, each up to `CAP` and one more if there are more. The SLA
    states count first-response clocks only. `free` are those waiting that “next lead” may give the
    reader; `newest` is the latest item of all, and `held` the reader's leases that run."""

    open: int
    waiting: int
    free: int
    mine: int
    breached: int
    warn: int
    ok: int
    paused: int
    newest: int
    held: int

    @property
    def claims(self) -> Claims:
        """The reader's leases against the limit."""
        return Claims(held=self.held, limit=claim_limit())


@dataclass(frozen=True)
class Claims:
    """How many leases the reader holds, of how many allowed."""

    held: int
    limit: int


def breached(now: datetime) -> Q:
    """Unanswered items whose time is over."""
    return UNANSWERED & Q(due_at__lte=now)


def warned(now: datetime) -> Q:
    """Unanswered items whose team is open and has a quarter of an hour left at most."""
    return UNANSWERED & Q(due_at__gt=now) & _in_teams(now, is_open=True, by="due_at__lte")


def on_time(now: datetime) -> Q:
    """Unanswered items whose team is open and has more time than that."""
    return UNANSWERED & _in_teams(now, is_open=True, by="due_at__gt")


def standing(now: datetime) -> Q:
    """Unanswered items whose clock stands still: paused, or closed for now."""
    closed = UNANSWERED & Q(due_at__gt=now) & _in_teams(now, is_open=False)
    return PAUSED | closed


def _in_teams(now: datetime, *, is_open: bool, by: str = "") -> Q:
    found = NONE
    for team in horizons(within=WARN_WITHIN, now=now):
        if team.is_open == is_open:
            found |= Q(team=team.team_id, **({by: team.soon} if by else {}))
    return found


_CLOCK = "state IN ('waiting', 'claimed') AND bucket"
# "Next lead" leaves out what the reader skipped.
_OFFERED = """NOT EXISTS (SELECT FROM qualification_skip AS s
    WHERE s.by_id = %(reader)s AND s.until > %(now)s AND s.item_id = i.id)"""
# Name → condition on an open item of one team.
_COUNTED = {
    "open": "NOT state = 'closed'",
    "waiting": "state = 'waiting'",
    "breached": f"{_CLOCK} <> 2 AND due_at <= %(now)s",
    "warn": f"{_CLOCK} <> 2 AND due_at > %(now)s AND due_at <= sight.soon AND sight.is_open",
    "ok": f"{_CLOCK} <> 2 AND due_at > sight.soon AND sight.is_open",
    "standing": f"{_CLOCK} <> 2 AND due_at > %(now)s AND NOT sight.is_open",
    "paused": "state IN ('waiting', 'claimed') AND bucket = 2 AND NOT state = 'closed'",
    "for_anybody": f"state = 'waiting' AND assignee_id IS NULL AND pool_id IS NULL AND {_OFFERED}",
}
_SEEN = "team_id IN (SELECT id FROM sight)"
_OF_READER = {
    "for_reader": f"state = 'waiting' AND assignee_id = %(reader)s AND {_SEEN}",
    "mine": f"state IN ('claimed', 'owned') AND holder_id = %(reader)s AND {_SEEN}",
    "held": "state = 'claimed' AND holder_id = %(reader)s AND lease_until > %(now)s",
}


def _of_teams(name: str, condition: str) -> str:
    return f"""(SELECT count(*) FROM (
        SELECT FROM sight CROSS JOIN LATERAL (
            SELECT FROM qualification_reviewitem AS i
            WHERE i.team_id = sight.id AND {condition} LIMIT {CAP + 1}
        ) AS of_team LIMIT {CAP + 1}
    ) AS counted) AS {name}"""  # noqa: S608 - constants of this module


def _of_reader(name: str, condition: str) -> str:
    return f"""(SELECT count(*) FROM (
        SELECT FROM qualification_reviewitem AS i
        WHERE {condition} LIMIT {CAP + 1}
    ) AS counted) AS {name}"""  # noqa: S608 - constants of this module


_COLUMNS = (
    *(_of_teams(name, condition) for name, condition in _COUNTED.items()),
    *(_of_reader(name, condition) for name, condition in _OF_READER.items()),
    "coalesce((SELECT max(id) FROM qualification_reviewitem), 0) AS newest",
)
_SUMMARY = f"""
    WITH sight AS MATERIALIZED (
        SELECT id, horizon.is_open, horizon.soon FROM crm_team
        JOIN unnest(%(teams)s::int[], %(open)s::boolean[], %(soon)s::timestamptz[])
            AS horizon (team, is_open, soon) ON horizon.team = id
        WHERE id IN ({SIGHT_SQL})
    )
    SELECT {", ".join(_COLUMNS)}
"""  # noqa: S608 - constants of this module


def summary_of(user: User, *, now: datetime) -> Summary:
    """Counts over everything open in sight, in two queries. For those who work the queue."""
    teams = horizons(within=WARN_WITHIN, now=now)
    parameters: dict[str, Any] = {
        **sight_parameters(user),
        "reader": user.pk,
        "now": now,
        "teams": [team.team_id for team in teams],
        "open": [team.is_open for team in teams],
        "soon": [team.soon for team in teams],
    }
    with connection.cursor() as cursor:
        prepared.run(cursor, "leadqual_queue_summary", _SUMMARY, parameters)
        found = dict(
            zip((column.name for column in cursor.description), cursor.fetchone(), strict=True)
        )
    found["paused"] = min(found["paused"] + found.pop("standing"), CAP + 1)
    free = min(found.pop("for_anybody") + found.pop("for_reader"), CAP + 1)
    return Summary(free=free, **found)
