"""What the rules say about every lead, in plain dicts. Imports nothing of the app.

`Book.leads[lead]` is where the lead should be: stage, state and holder of its item, its clock, what
it waits for. Ids of items and clocks are told by whoever looked at the rows.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

MINUTES = {"hot": 15, "warm": 60, "cool": 240, "cold": 480, "": 240}
WARN = {"hot": 5, "warm": 15, "cool": 30, "cold": 60, "": 30}
ANSWER_BY = {"decision": (2880, 240), "handoff_acceptance": (240, 60)}
TIER_ORDER = ["hot", "warm", "cool", "cold", ""]
LINE, LEAVES_BELOW, CLAIM_LIMIT, ATTEMPTS = 400, 350, 5, 5
LEASE, UNDO, DAY = dt.timedelta(minutes=30), dt.timedelta(seconds=30), dt.timedelta(hours=24)
SKIPPED_FOR = dt.timedelta(hours=8)
# Tenths of points by version: only what a VP is worth differs.
VP = {1: 300, 2: 120}
BASE, BIG, DEMO, VISIT = 200, 100, 150, 60
BY_A_PERSON = ("returned", "overturned", "reversed")
AFTER = {"accept": "sql", "reject": "disqualified", "nurture": "nurture"}

Row = dict[str, Any]


class Book:
    """Facts, places and clocks of all leads, and the SLA events that stand for ever."""

    def __init__(self, now: dt.datetime) -> None:
        self.now = now
        self.version = 1
        self.leads: dict[int, Row] = {}
        self.is_big: dict[str, bool] = {}
        self.events: set[tuple[int, str, dt.datetime]] = set()
        # Until when "next lead" does not offer an item to a person.
        self.skips: dict[tuple[int, int], dt.datetime] = {}

    # --- facts and scores -----------------------------------------------------------------------

    def born(
        self, lead: int, *, company: str, stage: str = "new", has_outcome: bool = False
    ) -> Row:
        """A lead nobody has seen."""
        self.leads[lead] = {
            "lead": lead, "company": company, "is_vp": False, "is_banned": False,
            "demos": 0, "visits": [], "has_outcome": has_outcome, "stage": stage,
            "turned_away": False, "state": None, "holder": None, "lease": None, "item": None,
            "assignee": None, "in_pool": False, "reason": "", "clock": None, "burning": False,
            "score": None, "scored_banned": False, "tier": "", "item_score": 0, "item_tier": "",
            "is_due": False, "answered": False, "touches": 0, "task": None, "plan": None,
            "handoff": None, "desk": 0, "last": None,
        }  # fmt: skip
        return self.leads[lead]

    def total(self, row: Row) -> int:
        """Tenths of points under the live version, from the facts as they are."""
        return (
            BASE
            + (VP[self.version] if row["is_vp"] else 0)
            + (BIG if self.is_big.get(row["company"]) else 0)
            + (DEMO if row["demos"] else 0)
            + (VISIT if any(not visit["is_machine"] for visit in row["visits"]) else 0)
        )

    def store_score(self, row: Row) -> None:
        """The score of now stands in the row; the line is another step."""
        row["score"], row["scored_banned"] = self.total(row), row["is_banned"]
        row["is_due"] = False

    def line(self, row: Row, at: dt.datetime | None = None) -> bool:
        """What the stored score does to the place of a lead; whether it enters the queue now."""
        waits = row["state"] == "waiting"
        is_out = row["scored_banned"]
        if is_out and (row["stage"] == "new" or (waits and row["reason"] not in BY_A_PERSON)):
            self.leave(row, "disqualified", at)
            row["turned_away"] = True
        elif not is_out and row["stage"] == "disqualified" and row["turned_away"]:
            row.update(stage="new", turned_away=False)
        if waits and row["state"] and row["reason"] == "threshold" and row["score"] < LEAVES_BELOW:
            self.leave(row, "new", at)
        enters = (
            not is_out and row["stage"] == "new" and row["score"] >= LINE and not row["has_outcome"]
        )
        if not enters:
            self.rank_follows(row)
        return enters

    def rank_follows(self, row: Row) -> None:
        """An open item is ranked by the score that was stored last."""
        row["item_score"] = row["score"]
        row["item_tier"] = "" if row["scored_banned"] else row["tier"]

    def would_leave(self, row: Row) -> bool:
        """Whether the line would not let this lead wait, were it waiting."""
        if row["scored_banned"]:
            return row["reason"] not in BY_A_PERSON
        return row["reason"] == "threshold" and row["score"] < LEAVES_BELOW

    # --- places -----------------------------------------------------------------------------------

    def enter(self, row: Row, reason: str) -> None:
        """In the queue, waiting; the clock is told by `start_clock`."""
        row.update(stage="mql", state="waiting", holder=None, lease=None, reason=reason)
        row.update(plan=None, turned_away=False, touches=0, task=None)
        self.rank_follows(row)

    def leave(self, row: Row, stage: str, at: dt.datetime | None = None) -> None:
        """Out of the queue, its clock ended."""
        self.settle(row, at)
        row.update(stage=stage, state=None, holder=None, lease=None, item=None, clock=None)
        row.update(assignee=None, in_pool=False, task=None)

    def asks_again(self, row: Row) -> bool:
        """An inquiry of somebody who was decided: whether it brings them back into the queue."""
        if row["stage"] not in ("disqualified", "lost", "nurture") or row["turned_away"]:
            return False
        return not self.is_stopped_at_the_door(row)

    def is_stopped_at_the_door(self, row: Row) -> bool:
        """Whom a rule disqualifies does not come in by itself; from nurture it ends there."""
        if not row["scored_banned"]:
            return False
        if row["stage"] == "nurture":
            row.update(stage="disqualified", turned_away=True, plan=None)
        return True

    def put_back(self, row: Row) -> None:
        """Nobody holds it any more; the old clock runs on."""
        row.update(stage="mql", state="waiting", holder=None, lease=None, task=None)
        row["is_due"] = row["is_due"] or self.would_leave(row)

    def claimed(self, row: Row, person: int) -> None:
        row.update(stage="working", state="claimed", holder=person, lease=self.now + LEASE)

    def decided(self, row: Row, kind: str, person: int, decision: int) -> None:
        """Out of the queue by a person; `last` keeps what an undo gives back."""
        hold = {k: row[k] for k in ("state", "clock", "item_score", "item_tier", "assignee")}
        hold |= {k: row[k] for k in ("in_pool", "task", "item")}
        self.leave(row, AFTER[kind])
        row["last"] = {"pk": decision, "kind": kind, "by": person, "at": self.now, "hold": hold}
        row["last"] |= {"is_reversed": False}

    def undone(self, row: Row) -> None:
        """In the same hands again, under the old clock."""
        self.settle(row)
        hold, person = row["last"]["hold"], row["last"]["by"]
        row.update({**hold, "stage": "working", "holder": person, "reason": "reversed"})
        row.update(plan=None, handoff=None, turned_away=False)
        row["lease"] = self.now + LEASE if hold["state"] == "claimed" else None
        row["last"]["is_reversed"] = True
        self.look_at_clock(row)

    # --- clocks -----------------------------------------------------------------------------------

    def start_clock(self, row: Row, kind: str, timer: int, at: dt.datetime | None = None) -> None:
        """A clock that begins now, or `at`; its times are worked out here, around the clock."""
        tier = row["item_tier"]
        allowed, warn = ANSWER_BY.get(kind) or (MINUTES[tier], WARN[tier])
        due = (at or self.now) + dt.timedelta(minutes=allowed)
        row["clock"] = {"timer": timer, "kind": kind, "due": due}
        row["clock"]["warn"] = due - dt.timedelta(minutes=warn)
        row["clock"] |= {"urgent_until": due + DAY, "paused": None, "seen": at or self.now}
        row["burning"] = False

    def settle(self, row: Row, at: dt.datetime | None = None) -> None:
        """A clock that ends: first its pause ends, and what fell due by then stands for ever."""
        if row["clock"] is not None and row["clock"]["paused"]:
            self.go_on(row, at)
        self.falls_due(row, at)

    def falls_due(self, row: Row, at: dt.datetime | None = None) -> None:
        """What fell due by now stands for ever; of a clock that stands still nothing does."""
        clock = row["clock"]
        if clock is None or clock["paused"]:
            return
        for level, moment in (("warning", clock["warn"]), ("breach", clock["due"])):
            if moment <= (at or self.now):
                self.events.add((clock["timer"], level, moment))

    def look_at_clock(self, row: Row, at: dt.datetime | None = None) -> None:
        """The rank sees a clock that warns, or burns for less than a day."""
        clock, at = row["clock"], at or self.now
        row["burning"] = not clock["paused"] and clock["warn"] <= at < clock["urgent_until"]
        clock["seen"] = at

    def stand_still(self, row: Row, until: dt.datetime) -> None:
        """What fell due before stands; nothing more does until the clock goes on."""
        self.falls_due(row)
        row["clock"]["paused"] = (self.now, until)
        self.look_at_clock(row)

    def go_on(self, row: Row, at: dt.datetime | None = None) -> None:
        """All that was still ahead comes later by as long as the clock stood still."""
        clock = row["clock"]
        began, until = clock["paused"]
        ended = max(began, min(at or self.now, until))
        for name in ("warn", "due", "urgent_until"):
            if clock[name] > began:
                clock[name] += ended - began
        clock.update(paused=None, seen=ended)

    # --- who may what -----------------------------------------------------------------------------

    def rank(self, row: Row) -> tuple[Any, ...]:
        tier = TIER_ORDER.index(row["item_tier"])
        due = row["clock"]["due"]
        bucket = 2 if row["clock"]["paused"] else 0 if row["burning"] else 1
        return (bucket, tier, -row["item_score"], due, row["item"])

    def is_for(self, row: Row, person: int) -> bool:
        """Whether routing leaves a waiting lead to this person."""
        return row["assignee"] == person or (row["assignee"] is None and not row["in_pool"])

    def next_for(self, person: int) -> int | None:
        waiting = [row for row in self.leads.values() if row["state"] == "waiting"]
        able = [
            row
            for row in waiting
            if self.is_for(row, person)
            and self.skips.get((row["item"], person), self.now) <= self.now
        ]
        return min(able, key=self.rank)["lead"] if able else None

    def is_full(self, person: int) -> bool:
        """Leases that run count; ownership does not."""
        held = [row for row in self.leads.values() if row["holder"] == person]
        live = [row for row in held if row["state"] == "claimed" and row["lease"] > self.now]
        return len(live) >= CLAIM_LIMIT

    def has_lapsed(self, row: Row) -> bool:
        return row["state"] == "claimed" and row["lease"] <= self.now

    def holds(self, row: Row, person: int) -> bool:
        return row["holder"] == person and not self.has_lapsed(row)

    def may_undo(self, row: Row, person: int) -> str:
        """The name of the refusal; blank when the decision can be undone."""
        last = row["last"]
        if last["by"] != person:
            return "UndoExpired"
        if last["is_reversed"]:
            return "AlreadyDecided"
        if self.now >= last["at"] + UNDO or row["state"] or row["stage"] != AFTER[last["kind"]]:
            return "UndoExpired"
        if last["kind"] == "accept" and row["handoff"] != "waiting":
            return "UndoExpired"
        return ""
