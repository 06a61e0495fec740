"""Random walks through the whole life of leads on PostgreSQL, against plain dicts that know the
rules: whatever people, sources, rules, clocks and crashes do, every lead is in exactly one place,
says what the book says of it, and no letter is given up.

`LIFECYCLE_RUNS=500` walks other ways each time, `LIFECYCLE_SEED` one of them again; the suite takes
the same few every time.
"""

from __future__ import annotations

import os
import secrets
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from qualification.review import decisions, guard
from tests.qualification.lifecycle.book_facts import SHADOW_LEADS
from tests.qualification.lifecycle.releases import Releases
from tests.qualification.lifecycle.stories import Stories
from tests.qualification.lifecycle.walker import HAPPENED, Walker

RUNS = int(os.environ.get("LIFECYCLE_RUNS", "8"))
STEPS = int(os.environ.get("LIFECYCLE_STEPS", "50"))
SEED = os.environ.get("LIFECYCLE_SEED", "")
# A failing walk is made shorter only when asked for: that takes minutes.
PHASES = [Phase.generate, *([Phase.shrink] if "LIFECYCLE_SHRINK" in os.environ else [])]
# Walks go on until all of this has happened, so that nobody takes a thing for proved that never
# came up; it must have within so many.
MOST_RUNS = 60
MUST_HAPPEN = {
    *("accept", "reject", "nurture", "undo", "overturn", "release", "reassign", "skip", "snooze"),
    *("pause", "resume", "touch", "answer", "outcome", "claim", "next"),
    *("undo touch", "undo touch is refused", "touch undone: claimed", "touch undone: owned"),
    "touch undone: its clock stands still again",
    *("on the desk of ae", "on the desk of team", "on the desk of partner"),
    *("taken by ae", "taken by team", "taken by partner", "move", "old link is refused"),
    *("returned by ae", "returned by team", "returned by partner"),
    *("after breach: taken_back", "after breach: told", "after breach: too_late"),
    *("after escalation: taken_back", "after escalation: told"),
    *("calendar", "clocks moved with a calendar"),
    *("shadow", "publish", "publish is refused", "activate"),
    *("the run over all moves a lead: new to mql", "the run over all moves a lead: mql to new"),
    *("merge", "merge is refused", "unmerge", "unmerge is refused"),
    *("two again: waiting", "two again: nowhere", "found by the address of a merged lead"),
    *("undo many", "undo many is refused", "undone among many", "not undone among many"),
    *("the other's email stays", "the other's account stays", "the other's answers stays"),
    *("erase", "left alone after an erasure"),
}


class LifecycleMachine(Stories, Releases):
    """Everything that may happen to a lead."""


@pytest.fixture(autouse=True)
def a_shadow_is_short_and_letters_can_leave(settings: Any) -> None:
    """So that walks get to a publication. A letter to a partner holds a link, which there is none
    of where nobody said under which address LeadQual is reached: it would be given up."""
    settings.LEADQUAL = {**settings.LEADQUAL, "SHADOW_MIN_LEADS": SHADOW_LEADS}
    settings.PUBLIC_URL = "https://leadqual.example"


def walk(number: int, *phases: Phase) -> None:
    """One walk, from a seed of its own: many by one engine would vary the first ones."""
    print(f"LIFECYCLE_SEED={number}")
    Walker.leaves_out = 1
    run_state_machine_as_test(
        seed(number)(LifecycleMachine),
        settings=settings(
            max_examples=1,
            report_multiple_bugs=False,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=phases,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def first_seed() -> int:
    """Where the walks of this test begin."""
    return (
        int(SEED or 0) if SEED or "LIFECYCLE_RUNS" not in os.environ else secrets.randbelow(10**9)
    )


@pytest.mark.django_db
def test_no_lead_is_ever_forgotten() -> None:
    first = first_seed()
    HAPPENED.clear()
    for number in range(first, first + RUNS):
        walk(number, *PHASES)
    print(*(f"{count} {name}" for name, count in sorted(HAPPENED.items())), sep="\n")
    if SEED:
        return
    for number in range(first + RUNS, first + MOST_RUNS):
        if HAPPENED.keys() >= MUST_HAPPEN:
            break
        walk(number, *PHASES)
    assert MUST_HAPPEN - HAPPENED.keys() == set()


def walk_until_it_is_noticed() -> None:
    first = secrets.randbelow(10**9)
    for number in range(first, first + 500):
        walk(number, Phase.generate)


@pytest.mark.django_db
def test_control_a_claim_that_never_lapses_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "has_lapsed", lambda item, now: False)
    with pytest.raises(AssertionError):
        walk_until_it_is_noticed()


@pytest.mark.django_db
def test_control_a_decision_that_plans_nothing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lead put aside without anything to wake it."""
    monkeypatch.setattr(decisions, "plan_nurture", lambda **_: None)
    with pytest.raises(AssertionError):
        walk_until_it_is_noticed()


@pytest.mark.django_db
def test_control_a_constraint_that_is_gone_is_noticed() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE qualification_reviewitem"
            " DROP CONSTRAINT qualification_reviewitem_holder_fits_state"
        )
    with pytest.raises(AssertionError):
        walk_until_it_is_noticed()
