"""Business time against a clock that looks at every minute, over many zones and their changes.

`CLOCK_CASES=20000` runs the full size.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import Any

import pytest

from qualification.sla.business_time import due, due_after_pause, elapsed
from qualification.sla.calendars import read_calendar
from tests.oracles.minute_clock import MinuteClock, naive_due
from tests.oracles.random_calendars import ZONES, random_cases, transitions

CASES, SEED = int(os.environ.get("CLOCK_CASES", "2000")), 2026


def moment(case: dict[str, Any], key: str) -> dt.datetime:
    return dt.datetime.fromisoformat(case[key])


def expected(case: dict[str, Any]) -> dt.datetime | float:
    """What the clock of minutes says."""
    clock, start = MinuteClock(case), moment(case, "start")
    if case["op"] == "elapsed":
        return clock.elapsed(start, moment(case, "end"))
    paused = None
    if case["op"] == "pause":
        paused = moment(case, "paused"), moment(case, "resumed")
    return clock.due(start, case["minutes"], paused)


def found(case: dict[str, Any]) -> dt.datetime | float:
    """What the product says."""
    calendar, start = read_calendar(case), moment(case, "start")
    if case["op"] == "elapsed":
        return elapsed(calendar, start, moment(case, "end"))
    due_at = due(calendar, start, case["minutes"])
    if case["op"] == "pause":
        return due_after_pause(calendar, due_at, moment(case, "paused"), moment(case, "resumed"))
    return due_at


def test_every_answer_is_that_of_the_minutes() -> None:
    wrong = []
    for case in random_cases(CASES, seed=SEED):
        answers = expected(case), found(case)
        if answers[0] != answers[1]:
            wrong.append((case, *answers))
    assert wrong == [], f"{len(wrong)} of {CASES} with seed {SEED}"


def test_control_naive_wall_clock_is_found_out() -> None:
    cases = [case for case in random_cases(CASES, seed=SEED) if case["op"] == "due"]
    wrong = 0
    for case in cases:
        naive = naive_due(case, moment(case, "start"), case["minutes"])
        wrong += naive != found(case)
    assert wrong / len(cases) >= 0.005


@pytest.mark.parametrize("zone", ["Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Apia"])
def test_the_cases_lie_near_changes_of_the_clocks(zone: str) -> None:
    assert len(ZONES) >= 24
    cases = [case for case in random_cases(3000, seed=SEED) if case["zone"] == zone]
    near = [
        case
        for case in cases
        if any(
            -4 <= (moment(case, "start") - change) / dt.timedelta(days=1) <= 2
            for change in transitions(zone)
        )
    ]
    assert len(near) / len(cases) > 0.7
