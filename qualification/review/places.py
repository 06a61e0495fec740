"""Where a lead stands in the queue and who is next to it, for the page of a lead.

Called by the workspace. However long the queue is, no more than `CAP` of its rows are counted.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from crm.models import User
from qualification import prepared
from qualification.models import ReviewItem
from qualification.models.review import RANK
from qualification.permissions import Right, has_right
from qualification.review import keyset
from qualification.review.claims import SIGHT_SQL, sight_parameters
from qualification.review.counts import CAP

_RANK = ", ".join(RANK)
_BACK = ", ".join(f"{name} DESC" for name in RANK)
_KEY = ", ".join(f"%({name})s" for name in RANK)


def _beside(how: str, order: str, n: str, *, selected: str) -> str:
    """The first `n` open items of the teams in sight on one side of the item, each team's read from
    its own stretch of the index."""
    return f"""
        SELECT beside.* FROM sight CROSS JOIN LATERAL (
            SELECT {selected} FROM qualification_reviewitem AS i
            WHERE i.team_id = sight.id AND NOT i.state = 'closed' AND ({_RANK}) {how} ({_KEY})
            ORDER BY {order} LIMIT {n}
        ) AS beside"""  # noqa: S608 - constants of this module


def _nearest(how: str, order: str) -> str:
    found = _beside(how, order, "1", selected=f"lead_id, {_RANK}")
    return f"(SELECT lead_id FROM ({found}) AS nearest ORDER BY {order} LIMIT 1)"  # noqa: S608


def _number(how: str, order: str) -> str:
    found = _beside(how, order, str(CAP), selected="1")
    return f"(SELECT count(*) FROM ({found} LIMIT {CAP}) AS counted)"  # noqa: S608


_PLACE = f"""
    WITH sight AS MATERIALIZED (
        {SIGHT_SQL}
    )
    SELECT {_number("<", _BACK)}, {_number(">", _RANK)}, {_nearest("<", _BACK)},
        {_nearest(">", _RANK)}
"""


@dataclass(frozen=True)
class Place:
    """Where the item stands in the queue and who is next to it. Position and total are exact up to
    the cap; one above it stands for any more."""

    position: int = 0
    total: int = 0
    previous_lead: int | None = None
    next_lead: int | None = None


def place_of(item: ReviewItem, reader: User) -> Place:
    """Rank and neighbours of an open item among the open items in the reader's sight, in one query;
    no place for those who do not work the queue."""
    if not has_right(reader, Right.WORK_QUEUE):
        return Place()
    key = dict(zip(RANK, keyset.rank_key(item), strict=True))
    with connection.cursor() as cursor:
        prepared.run(cursor, "leadqual_place", _PLACE, key | sight_parameters(reader))
        ahead, behind, previous_lead, next_lead = cursor.fetchone()
    position = ahead + 1
    return Place(position, position + min(behind, CAP - ahead), previous_lead, next_lead)
