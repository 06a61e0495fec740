"""The bench of the sweep at a tiny size: its last line, nothing lost, bad arguments."""

from __future__ import annotations

import re
from functools import partial

import pytest

from tests.bench.running import run_bench

FIGURE = r"\d+\.\d+"

bench = partial(run_bench, "sweep")


@pytest.mark.django_db
def test_it_writes_every_fact_once() -> None:
    done = bench("--timers", "300", "--due", "40", "--passes", "3")
    assert re.fullmatch(
        f"ratio={FIGURE} doubled=0 lost=0 p50={FIGURE} p95={FIGURE} p99={FIGURE} cpu_p50={FIGURE}"
        f" timers=300 due=40 due_s={FIGURE} follow_up_s={FIGURE}",
        done.stdout.splitlines()[-1],
    ), done.stderr


@pytest.mark.django_db
def test_whatever_is_held_gets_the_places_there_are() -> None:
    done = bench("--held", "60", "--places", "25", "--passes", "2")
    assert re.fullmatch(
        f"ratio={FIGURE} doubled=0 lost=0 p50={FIGURE} p95={FIGURE} p99={FIGURE} cpu_p50={FIGURE}"
        f" held=60 places=25 moved_s={FIGURE} moving=1",
        done.stdout.splitlines()[-1],
    ), done.stderr


@pytest.mark.parametrize("words", [("--held", "-1"), ("--places", "3")])
def test_places_are_for_what_is_held(words: tuple[str, ...]) -> None:
    done = bench(*words)
    assert done.returncode == 2
    assert "--held" in done.stderr


@pytest.mark.parametrize("words", [("--timers", "0"), ("--due", "9", "--timers", "8")])
def test_it_refuses_what_makes_no_sense(words: tuple[str, ...]) -> None:
    done = bench(*words)
    assert done.returncode == 2
    assert "--timers" in done.stderr
