"""Which past leads may be drawn, and the draw: by its seed, accepts and rejects in every round."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from crm.models import User
from qualification.choices import EntryReason, TouchKind, TouchResult
from qualification.models import Decision, Touch
from qualification.practice.draw import SIZES, draw, fits, pool_for
from qualification.review import decisions
from qualification.review.queue import enter_queue
from tests import factories
from tests.qualification.decision_support import answer
from tests.qualification.practice.past_leads import begin, decided

Make = Callable[..., Decision]
POOL = {"accept": list(range(30)), "reject": list(range(100, 108)), "nurture": [200, 201]}


def drawn_kinds(drawn: list[int]) -> set[str]:
    return {kind for kind, pks in POOL.items() for pk in drawn if pk in pks}


@pytest.mark.parametrize("size", SIZES)
def test_a_draw_is_done_again_by_its_seed(size: int) -> None:
    draws = [draw(POOL, size=size, seed=seed) for seed in range(200)]
    assert draws == [draw(POOL, size=size, seed=seed) for seed in range(200)]
    assert len({tuple(one) for one in draws}) > 190
    for drawn in draws:
        assert len(set(drawn)) == size
        assert drawn_kinds(drawn) >= {"accept", "reject"}


def test_the_number_of_accepts_and_their_places_are_left_to_chance() -> None:
    draws = [draw(POOL, size=10, seed=seed) for seed in range(200)]
    assert len({sum(pk < 100 for pk in drawn) for drawn in draws}) >= 4
    accepts_first = sum(drawn[0] < 100 for drawn in draws)
    assert 60 < accepts_first < 190


@pytest.mark.parametrize(
    ("accepts", "rejects", "nurtures", "size", "does_fit"),
    [
        (4, 1, 0, 5, True),
        (5, 0, 0, 5, False),
        (0, 5, 3, 5, False),
        (1, 1, 3, 5, True),
        (1, 1, 2, 5, False),
        (8, 2, 0, 10, False),
        (7, 3, 0, 10, True),
    ],
)
def test_a_round_wants_accepts_and_rejects(
    accepts: int, rejects: int, nurtures: int, size: int, *, does_fit: bool
) -> None:
    sizes = {"accept": accepts, "reject": rejects, "nurture": nurtures}
    pool = {kind: list(range(n)) for kind, n in sizes.items()}
    assert fits(pool, size) is does_fit


@pytest.mark.django_db
def test_the_pool_holds_old_decisions_of_the_team_by_kind(
    past: Make, people: dict[str, User], here: dt.datetime
) -> None:
    made = {kind: [past(kind).pk] for kind in ("accept", "reject", "nurture")}
    past("reject", at=here - dt.timedelta(days=13))
    assert pool_for(people["sdr"], now=here) == made
    assert pool_for(people["manager"], now=here) == made


@pytest.mark.django_db
def test_nobody_practises_on_what_they_had_a_part_in(
    past: Make, people: dict[str, User], colleague: User, here: dt.datetime
) -> None:
    by = people["sdr"]
    own = past("accept", by=by)
    touched = past("accept")
    Touch.objects.create(
        item=touched.item,
        lead=touched.lead,
        by=by,
        kind=TouchKind.MAIL,
        result=TouchResult.SENT,
        at=here,
    )
    asked = past("accept")
    answer(asked.lead, "budget", by, now=here, answered_on=here.date())
    overturned = past("reject")
    decisions.overturn_rejection(
        decision=overturned, by=people["manager"], note="Look again.", now=here
    )
    assert [*pool_for(by, now=here).values()] == [[], [], []]
    assert [*pool_for(colleague, now=here).values()] == [[own.pk], [], []]


@pytest.mark.django_db
def test_only_the_last_word_on_a_lead_that_rests(
    past: Make, people: dict[str, User], colleague: User, here: dt.datetime
) -> None:
    undone = past("reject")
    decisions.undo_decision(decision=undone, by=colleague, now=undone.at + dt.timedelta(seconds=9))
    again = past("nurture")
    enter_queue([again.lead_id], reason=EntryReason.WOKEN, now=here)
    assert [*pool_for(people["sdr"], now=here).values()] == [[], [], []]


@pytest.mark.django_db
def test_other_teams_and_erased_leads_are_not_drawn(
    past: Make, people: dict[str, User], here: dt.datetime
) -> None:
    americas = factories.TeamFactory(name="Americas")
    grace = factories.person("sdr", americas)
    there = decided("reject", by=grace, ae=people["ae"], at=here - dt.timedelta(days=30))
    mine = past("reject")
    Decision.objects.create(
        item=mine.item,
        lead=factories.LeadFactory(team=people["sdr"].team),
        kind="reject",
        reason=mine.reason,
        by=mine.by,
        at=mine.at,
        frozen={**mine.frozen, "erased_at": here.isoformat()},
    )
    assert pool_for(people["sdr"], now=here)["reject"] == [mine.pk]
    assert pool_for(grace, now=here)["reject"] == []
    assert there.pk not in pool_for(people["admin"], now=here)["reject"]


@pytest.mark.django_db
def test_a_lead_is_not_drawn_twice_for_a_person(
    five: list[Decision], past: Make, people: dict[str, User], here: dt.datetime
) -> None:
    practice = begin(people["sdr"], here)
    assert sorted(practice.cases.values_list("decision", flat=True)) == [one.pk for one in five]
    fresh = past("reject")
    assert pool_for(people["sdr"], now=here)["reject"] == [fresh.pk]
    assert len(pool_for(people["manager"], now=here)["reject"]) == 3
