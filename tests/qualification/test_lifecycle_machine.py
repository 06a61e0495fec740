"""Random walks through the whole life of leads on PostgreSQL, against plain dicts that know the
rules: whatever people, sources, rules, clocks and crashes do, every lead is in exactly one place.

`LIFECYCLE_RUNS=500` walks other ways each time; the suite takes the same few every time.
"""

from __future__ import annotations

import os

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from qualification.review import decisions, guard
from tests.qualification.lifecycle.asides import Asides
from tests.qualification.lifecycle.checked import Checked
from tests.qualification.lifecycle.upkeep import Upkeep
from tests.qualification.lifecycle.work import Work

RUNS = int(os.environ.get("LIFECYCLE_RUNS", "3"))
STEPS = int(os.environ.get("LIFECYCLE_STEPS", "50"))


class LifecycleMachine(Work, Asides, Upkeep, Checked):
    """Everything that may happen to a lead."""


def walk(*phases: Phase, runs: int = RUNS, is_same: bool = False) -> None:
    run_state_machine_as_test(
        LifecycleMachine,
        settings=settings(
            max_examples=runs,
            report_multiple_bugs=False,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=is_same,
            database=None,
            phases=phases,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.django_db
def test_no_lead_is_ever_forgotten() -> None:
    walk(Phase.generate, Phase.shrink, is_same="LIFECYCLE_RUNS" not in os.environ)


@pytest.mark.django_db
def test_control_a_claim_that_never_lapses_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "has_lapsed", lambda item, now: False)
    with pytest.raises(AssertionError):
        walk(Phase.generate, runs=500)


@pytest.mark.django_db
def test_control_a_decision_that_plans_nothing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lead put aside without anything to wake it."""
    monkeypatch.setattr(decisions, "plan_nurture", lambda **_: None)
    with pytest.raises(AssertionError):
        walk(Phase.generate, runs=500)


@pytest.mark.django_db
def test_control_a_constraint_that_is_gone_is_noticed() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE qualification_reviewitem"
            " DROP CONSTRAINT qualification_reviewitem_holder_fits_state"
        )
    with pytest.raises(AssertionError):
        walk(Phase.generate, runs=500)
