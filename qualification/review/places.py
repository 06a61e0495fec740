"""Where a lead stands in the queue and who is next to it, for the page of a lead.

Called by the workspace. However long the queue is, no more than `CAP` of its rows are counted.
"""

from __future__ import annotations

from dataclasses import dataclass

from crm.models import User
from qualification.models import ReviewItem
from qualification.models.review import RANK
from qualification.permissions import Right, has_right
from qualification.review import keyset
from qualification.review.claims import sight_by_team
from qualification.review.counts import CAP


@dataclass(frozen=True)
class Place:
    """Where the item stands in the queue and who is next to it. Position and total are exact up to
    the cap; one above it stands for any more."""

    position: int = 0
    total: int = 0
    previous_lead: int | None = None
    next_lead: int | None = None


def place_of(item: ReviewItem, reader: User) -> Place:
    """Rank and neighbours of an open item among the open items in the reader's sight; no place for
    those who do not work the queue."""
    if not has_right(reader, Right.WORK_QUEUE):
        return Place()
    sight = sight_by_team(reader)
    key = keyset.rank_key(item)
    ahead, behind = keyset.before(key), keyset.after(key)
    # A number tells nothing of leads out of sight: only the index of the rank is read for it.
    n_ahead = keyset.count_of_teams(ahead, sight, CAP)
    n_behind = keyset.count_of_teams(behind, sight, CAP - n_ahead)
    queue = ReviewItem.objects.open().visible_to(reader)
    near = keyset.nearest_of_teams(queue.filter(ahead), queue.filter(behind), sight)
    around = list(near.values_list("lead", *RANK))
    return Place(
        position=n_ahead + 1,
        total=n_ahead + 1 + n_behind,
        previous_lead=next((lead for lead, *rank in reversed(around) if tuple(rank) < key), None),
        next_lead=next((lead for lead, *rank in around if tuple(rank) > key), None),
    )
