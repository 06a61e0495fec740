"""Random walks over the verbs of the queue on PostgreSQL, against dicts that know the rules."""

from __future__ import annotations

import datetime as dt
import os
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from crm.models import Lead, Team
from qualification.choices import CloseReason, TouchKind, TouchResult
from qualification.exceptions import ClaimLimitReached, ClaimTaken, NotHolder, TaskInvalid
from qualification.invariants import violations
from qualification.models import ReviewItem, SLAEvent, SLATimer
from qualification.review import claims, guard, next_lead
from qualification.review.overdue import follow_up
from qualification.review.queue import apply_line, close_item
from qualification.review.touches import log_touch, snooze_item
from qualification.sla.sweep import record_due
from tests import factories
from tests.qualification import queue_support as rows

MINUTES = {"hot": 15, "warm": 60, "cool": 240, "cold": 480}
WARN = {"hot": 5, "warm": 15, "cool": 30, "cold": 60}
TIER_ORDER = ["hot", "warm", "cool", "cold"]
LINE, LEAVES_BELOW, LIMIT, LEASE = 400, 350, 5, dt.timedelta(minutes=30)
RUNS = int(os.environ.get("QUEUE_MACHINE_RUNS", "30"))
STEPS = int(os.environ.get("QUEUE_MACHINE_STEPS", "50"))
scores = st.integers(300, 900)
tiers = st.sampled_from(TIER_ORDER)
people = st.integers(0, 2)


class QueueMachine(RuleBasedStateMachine):
    """`model[lead]` is what the rules say: stage, state, holder, lease, clock, score, tier."""

    leads = Bundle("leads")

    def __init__(self) -> None:
        super().__init__()
        # Everything happens in one transaction that is thrown away.
        self.around = transaction.atomic()
        self.around.__enter__()
        self.now = rows.NOW
        self.steps = 0
        self.model: dict[int, dict[str, Any]] = {}
        self.events: set[tuple[int, str, dt.datetime]] = set()

    def teardown(self) -> None:
        try:
            self.nothing_is_lost()
        finally:
            # Thrown away whatever was found, or the next walk would begin in this one's rows.
            transaction.set_rollback(True)
            self.around.__exit__(None, None, None)

    @initialize()
    def begin(self) -> None:
        self.team = Team.objects.create(name="Machine")
        self.people = rows.sdrs(3, self.team)
        self.live = rows.active_model()

    # --- what the rules say -----------------------------------------------------------------

    def rank(self, lead: int) -> tuple[Any, ...]:
        row = self.model[lead]
        burning = row["burning"]
        tier = TIER_ORDER.index(row["tier"])
        return (0 if burning else 1, tier, -row["score"], row["due"], row["item"])

    def waiting(self) -> list[int]:
        found = [lead for lead, row in self.model.items() if row["state"] == "waiting"]
        return sorted(found, key=self.rank)

    def held_claims(self, person: int) -> int:
        return sum(
            row["state"] == "claimed" and row["holder"] == person and row["lease"] > self.now
            for row in self.model.values()
        )

    def start_clock(self, row: dict[str, Any], minutes: int, warn: int) -> None:
        row["due"] = self.now + dt.timedelta(minutes=minutes)
        row["warn"] = row["due"] - dt.timedelta(minutes=warn)
        row["burning"] = False
        row["timer"] = SLATimer.objects.get(item=row["item"], state="running").pk

    def settle(self, row: dict[str, Any]) -> None:
        """What fell due by now stands for ever."""
        for level, at in (("warning", row["warn"]), ("breach", row["due"])):
            if at <= self.now:
                self.events.add((row["timer"], level, at))

    def out_of_queue(self, row: dict[str, Any], stage: str) -> None:
        self.settle(row)
        row.update(stage=stage, state=None, holder=None, item=None)

    # --- what people and machines do --------------------------------------------------------

    @rule(target=leads, score=scores, tier=tiers)
    def arrive(self, score: int, tier: str) -> Any:
        lead = factories.LeadFactory(team=self.team)
        self.model[lead.pk] = {"stage": "new", "state": None, "holder": None, "item": None}
        self.score_now(lead.pk, score, tier)
        return multiple(lead.pk)

    @rule(lead=leads, score=scores, tier=tiers)
    def rescore(self, lead: int, score: int, tier: str) -> None:
        self.score_now(lead, score, tier)

    def score_now(self, lead: int, score: int, tier: str) -> None:
        rows.give_score(Lead.objects.get(pk=lead), score, tier=tier)
        result = apply_line([lead], model=self.live, now=self.now)
        row = self.model[lead]
        row.update(score=score, tier=tier)
        enters = row["stage"] == "new" and score >= LINE
        leaves = row["state"] == "waiting" and score < LEAVES_BELOW
        assert (result.entered, result.left) == ([lead] * enters, [lead] * leaves)
        if leaves:
            self.out_of_queue(row, "new")
        if enters:
            item = ReviewItem.objects.open().get(lead=lead)
            row.update(stage="mql", state="waiting", item=item.pk, clock="first_response")
            self.start_clock(row, MINUTES[tier], WARN[tier])

    @rule(person=people)
    def next_lead(self, person: int) -> None:
        waiting = self.waiting()
        try:
            item = next_lead.claim_next(by=self.people[person], now=self.now)
        except ClaimLimitReached:
            assert self.held_claims(person) >= LIMIT
            return
        assert self.held_claims(person) < LIMIT
        assert (item.lead_id if item else None) == (waiting[0] if waiting else None)
        if item:
            self.now_claimed(item.lead_id, person)

    def now_claimed(self, lead: int, person: int) -> None:
        self.model[lead].update(
            stage="working", state="claimed", holder=person, lease=self.now + LEASE
        )

    def lapse(self, row: dict[str, Any]) -> None:
        row.update(stage="mql", state="waiting", holder=None)

    def item_of(self, lead: int) -> ReviewItem | None:
        pk = self.model[lead]["item"]
        return ReviewItem.objects.get(pk=pk) if pk else None

    def holds(self, row: dict[str, Any], person: int) -> bool:
        if row["holder"] != person:
            return False
        return row["state"] == "owned" or row["lease"] > self.now

    @rule(lead=leads, person=people)
    def claim(self, lead: int, person: int) -> None:
        item, row = self.item_of(lead), self.model[lead]
        if item is None:
            return
        if row["state"] == "claimed" and row["lease"] <= self.now:
            is_free = True
        else:
            is_free = row["state"] == "waiting"
        try:
            claims.claim_item(item=item, by=self.people[person], now=self.now)
        except ClaimTaken:
            assert not is_free
            assert row["holder"] != person
        except ClaimLimitReached:
            assert is_free
            assert self.held_claims(person) >= LIMIT
        else:
            assert is_free or row["holder"] == person
            if row["state"] != "owned":
                self.now_claimed(lead, person)

    @rule(lead=leads, person=people)
    def release(self, lead: int, person: int) -> None:
        item, row = self.item_of(lead), self.model[lead]
        if item is None:
            return
        try:
            claims.release_item(item=item, by=self.people[person], now=self.now)
        except NotHolder:
            assert not self.holds(row, person)
        else:
            assert self.holds(row, person)
            self.lapse(row)

    @rule(lead=leads, person=people, task=st.sampled_from([None, 20, -5]))
    def touch(self, lead: int, person: int, task: int | None) -> None:
        item, row = self.item_of(lead), self.model[lead]
        if item is None:
            return
        at = None if task is None else self.now + dt.timedelta(minutes=task)
        try:
            log_touch(
                item=item,
                by=self.people[person],
                kind=TouchKind.CALL,
                result=TouchResult.SPOKE,
                next_task_at=at,
                now=self.now,
            )
        except TaskInvalid:
            assert task == -5
            return
        except NotHolder:
            assert not self.holds(row, person)
            return
        assert self.holds(row, person)
        if row["state"] == "claimed":
            row["state"] = "owned"
            if row["clock"] == "first_response":
                self.settle(row)
                row["clock"] = "decision"
                self.start_clock(row, 2880, 240)
        row["task"] = at

    @rule(lead=leads, person=people)
    def snooze(self, lead: int, person: int) -> None:
        item, row = self.item_of(lead), self.model[lead]
        if item is None:
            return
        until = self.now + dt.timedelta(days=2)
        try:
            snooze_item(item=item, by=self.people[person], until=until, now=self.now)
        except NotHolder:
            assert not (row["state"] == "owned" and row["holder"] == person)
        else:
            assert (row["state"], row["holder"]) == ("owned", person)
            row["task"] = until

    @rule(lead=leads, person=people)
    def merge_away(self, lead: int, person: int) -> None:
        """A waiting item closed for a reason that is no decision; its lead is new again."""
        item, row = self.item_of(lead), self.model[lead]
        if item is None or row["state"] != "waiting":
            return
        close_item(item=item, reason=CloseReason.MERGED, by=self.people[person], now=self.now)
        Lead.objects.filter(pk=lead).update(stage="new")
        self.out_of_queue(row, "new")

    @rule(lead=leads, person=people)
    def reassign_without_right(self, lead: int, person: int) -> None:
        item = self.item_of(lead)
        if item is not None:
            with pytest.raises(PermissionDenied):
                claims.reassign_item(
                    item=item, to=self.people[0], by=self.people[person], now=self.now
                )

    @rule(minutes=st.sampled_from([1, 14, 29, 31, 250, 1500, 4400]))
    def time_passes(self, minutes: int) -> None:
        self.now += dt.timedelta(minutes=minutes)

    @rule()
    def sweep(self) -> None:
        """Leases that ran out come back, clocks are looked at; twice is as good as once."""
        for _ in range(2):
            claims.expire_leases(now=self.now)
            record_due(now=self.now)
            follow_up(now=self.now)
        for row in self.model.values():
            if row["state"] == "claimed" and row["lease"] <= self.now:
                self.lapse(row)
            if row["state"]:
                self.settle(row)
                day_after = row["due"] + dt.timedelta(hours=24)
                row["burning"] = row["warn"] <= self.now < day_after

    # --- and what must be true after each step ----------------------------------------------

    @invariant()
    def rows_say_what_the_rules_say(self) -> None:
        stages = dict(Lead.objects.filter(pk__in=self.model).values_list("pk", "stage"))
        assert stages == {lead: row["stage"] for lead, row in self.model.items()}
        found = {
            item.lead_id: (item.pk, item.state, item.holder_id, item.due_at, item.score_tenths)
            for item in ReviewItem.objects.open().filter(lead__in=self.model)
        }
        assert found == {
            lead: (
                row["item"],
                row["state"],
                None if row["holder"] is None else self.people[row["holder"]].pk,
                row["due"],
                row["score"],
            )
            for lead, row in self.model.items()
            if row["state"]
        }

    @invariant()
    def clocks_run_where_they_should(self) -> None:
        running = SLATimer.objects.filter(state="running", lead__in=self.model)
        assert sorted(running.values_list("item_id", "kind")) == sorted(
            (row["item"], row["clock"]) for row in self.model.values() if row["state"]
        )
        written = set(
            SLAEvent.objects.filter(timer__lead__in=self.model).values_list(
                "timer_id", "level", "at"
            )
        )
        assert written == self.events

    @invariant()
    def now_and_then_nothing_is_lost(self) -> None:
        self.steps += 1
        if self.steps % 10 == 0:
            self.nothing_is_lost()

    def nothing_is_lost(self) -> None:
        # What a sweeper puts right that has no part in these walks.
        late = (
            "nobody took it back",
            "nobody wrote it down",
            "waits for its score for five minutes",
        )
        found = violations(now=self.now)
        assert [v for v in found if not v.kind.endswith(late)] == []


@pytest.mark.django_db
def test_random_walks_end_where_the_rules_say() -> None:
    walk(Phase.generate, Phase.shrink)


@pytest.mark.django_db
def test_control_a_claim_that_never_lapses_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "has_lapsed", lambda item, now: False)
    # Ends at the first walk that notices; thirty walks now and then hold no such claim.
    with pytest.raises(AssertionError):
        walk(Phase.generate, runs=20 * RUNS)


def walk(*phases: Phase, runs: int = RUNS) -> None:
    run_state_machine_as_test(
        QueueMachine,
        settings=settings(
            max_examples=runs,
            report_multiple_bugs=False,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=phases,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
