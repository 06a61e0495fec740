"""Where a lead stands among those in sight, and its neighbours, against a plain sort."""

from __future__ import annotations

import pytest

from crm.models import Team, User
from qualification.models import ReviewItem
from qualification.review.places import Place, place_of
from tests import factories
from tests.qualification import queue_support as rows

pytestmark = pytest.mark.django_db


def by_hand(item: ReviewItem) -> tuple[int, int, int, int, int]:
    """The rank as the domain has it, written down once more."""
    due = int(item.due_at.timestamp() * 1_000_000)
    return item.bucket, item.tier_rank, -item.score_tenths, due, item.pk


def test_positions_and_neighbours_over_two_teams(people: dict[str, User], team: Team) -> None:
    fallback = Team.objects.get(is_fallback=True)
    made = [
        rows.waiting_item(500 + 10 * (n % 3), tier=("hot", "warm")[n % 2], team=home)
        for n, home in enumerate([team, fallback] * 5)
    ]
    hidden = rows.waiting_item(550, team=factories.TeamFactory(name="US"))
    ranked = sorted(made, key=by_hand)
    for n, item in enumerate(ranked):
        before = ranked[n - 1].lead_id if n else None
        behind = ranked[n + 1].lead_id if n + 1 < len(ranked) else None
        assert place_of(item, people["sdr"]) == Place(n + 1, len(ranked), before, behind)
    everything = sorted([*made, hidden], key=by_hand)
    place = place_of(hidden, people["admin"])
    assert (place.position, place.total) == (everything.index(hidden) + 1, len(everything))


def test_who_does_not_work_the_queue_has_no_place_in_it(people: dict[str, User]) -> None:
    assert place_of(rows.waiting_item(), people["ae"]) == Place()
