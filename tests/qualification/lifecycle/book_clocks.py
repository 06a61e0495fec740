"""What the rules say about clocks, in plain dicts: when they warn, fall due, are escalated, stand
still, move with a calendar, and what a policy asks for after a breach. Imports nothing of the app.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from tests.qualification.lifecycle import hours as open_time
from tests.qualification.lifecycle.hours import ALWAYS, Hours

Row = dict[str, Any]
MINUTES = {"hot": 15, "warm": 60, "cool": 240, "cold": 480, "": 240}
WARN = {"hot": 5, "warm": 15, "cool": 30, "cold": 60, "": 30}
ANSWER_BY = {"decision": (2880, 240), "handoff_acceptance": (240, 60)}
# What a partner has to answer, in place of the policy's minutes.
PARTNER_MINUTES = 90
KINDS = ("first_response", "decision", "handoff_acceptance")
TOLD, TAKEN_BACK, TOO_LATE = "told", "taken_back", "too_late"


class BookOfClocks:
    """Clocks of rows, the SLA events that stand for ever, and what is to follow them."""

    def __init__(self, now: dt.datetime) -> None:
        self.now = now
        # Opening hours of the team, and what the policies of each kind of clock ask for.
        self.hours: Hours = ALWAYS
        self.policies: dict[str, dict[str, Any]] = {
            kind: {"on_breach": "notify", "escalate_after": [], "on_escalation": "notify"}
            for kind in KINDS
        }
        self.events: set[tuple[int, str, dt.datetime]] = set()
        # What a breach or an escalation asks for, by clock and level; `outcomes` are those it may
        # have by now, none while it is to be done.
        self.asked: dict[tuple[int, str], dict[str, Any]] = {}

    # --- times --------------------------------------------------------------------------------

    def start_clock(self, row: Row, kind: str, timer: int, at: dt.datetime | None = None) -> None:
        """A clock that begins now, or `at`; its times are worked out here."""
        tier, at = row["item_tier"], at or self.now
        allowed, warn = ANSWER_BY.get(kind) or (MINUTES[tier], WARN[tier])
        hours, is_ours = self.hours, True
        if kind == "handoff_acceptance" and row["desk"] == "team":
            hours, is_ours = ALWAYS, False
        if kind == "handoff_acceptance" and row["desk"] == "partner":
            allowed = PARTNER_MINUTES

        def after(start: dt.datetime, minutes: int) -> dt.datetime:
            return open_time.after(hours, start, dt.timedelta(minutes=minutes))

        due = after(at, allowed)
        row["clock"] = {
            "timer": timer,
            "kind": kind,
            "hours": hours,
            "is_ours": is_ours,
            "started": at,
            "warn": after(at, max(0, allowed - warn)),
            "due": due,
            "escalate": [after(due, minutes) for minutes in self.policies[kind]["escalate_after"]],
            "urgent_until": open_time.after(hours, due, open_time.open_day(hours)),
            "paused": None,
        }
        row["clock"]["next"] = row["clock"]["warn"]
        row["burning"] = False

    def levels(self, clock: Row) -> list[tuple[str, dt.datetime]]:
        """What falls due of a clock, and when."""
        steps = [(f"escalation_{n}", at) for n, at in enumerate(clock["escalate"], start=1)]
        return [("warning", clock["warn"]), ("breach", clock["due"]), *steps]

    def settle(self, row: Row, at: dt.datetime | None = None) -> None:
        """A clock that ends: first its pause ends, and what fell due by then stands for ever."""
        if row["clock"] is not None and row["clock"]["paused"]:
            self.go_on(row, at)
        self.falls_due(row, at)

    def falls_due(self, row: Row, at: dt.datetime | None = None) -> None:
        """What fell due by now stands for ever, and its policy asks for something; of a clock that
        stands still nothing does."""
        clock = row["clock"]
        if clock is None or clock["paused"]:
            return
        policy = self.policies[clock["kind"]]
        for level, moment in self.levels(clock):
            event = clock["timer"], level, moment
            if moment > (at or self.now) or event in self.events:
                continue
            self.events.add(event)
            action = policy["on_breach" if level == "breach" else "on_escalation"]
            if level != "warning" and action:
                asked = {"lead": row["lead"], "level": level, "action": action}
                self.asked[clock["timer"], level] = {**asked, "outcomes": set()}

    def look_at_clock(self, row: Row, at: dt.datetime | None = None) -> None:
        """The sweep has looked: the rank follows, and when it looks next is known."""
        at = at or self.now
        self.burns(row, at)
        times = [moment for _, moment in self.levels(row["clock"])]
        ahead = [moment for moment in [*times, row["clock"]["urgent_until"]] if moment > at]
        row["clock"]["next"] = min(ahead, default=None)

    def burns(self, row: Row, at: dt.datetime | None = None) -> None:
        """The rank sees a clock that warns, or burns for less than an open day."""
        clock, at = row["clock"], at or self.now
        row["burning"] = not clock["paused"] and clock["warn"] <= at < clock["urgent_until"]

    # --- pauses and calendars -----------------------------------------------------------------

    def stand_still(self, row: Row, until: dt.datetime) -> None:
        """What fell due before stands; nothing more does until the clock goes on."""
        self.falls_due(row)
        row["clock"]["paused"] = (self.now, until)
        self.burns(row)

    def go_on(self, row: Row, at: dt.datetime | None = None) -> None:
        """All that was still ahead keeps the open time it had left."""
        clock = row["clock"]
        began, until = clock["paused"]
        ended = max(began, min(at or self.now, until))

        def later(moment: dt.datetime) -> dt.datetime:
            if moment <= began:
                return moment
            left = open_time.between(clock["hours"], began, moment)
            return open_time.after(clock["hours"], ended, left)

        for name in ("warn", "due", "urgent_until"):
            clock[name] = later(clock[name])
        clock["escalate"] = [later(moment) for moment in clock["escalate"]]
        clock.update(paused=None, next=ended)

    def other_hours(self, rows: list[Row], hours: Hours) -> int:
        """The team has other opening hours: clocks that are not due keep the open time they have
        left. Returns how many are due at another time."""
        self.hours = hours
        moved = 0
        for row in rows:
            clock = row["clock"]
            if clock is None or not clock["is_ours"]:
                continue
            start = clock["paused"][0] if clock["paused"] else self.now
            if clock["due"] > start:
                due = clock["due"]
                self._lay_on(clock, hours, start)
                moved += clock["due"] != due
                self.burns(row)
        return moved

    def _lay_on(self, clock: Row, hours: Hours, start: dt.datetime) -> None:
        def moved(moment: dt.datetime) -> dt.datetime:
            return open_time.after(hours, start, open_time.between(clock["hours"], start, moment))

        if clock["warn"] > start:
            clock["warn"] = moved(clock["warn"])
        clock["due"] = moved(clock["due"])
        clock["escalate"] = [moved(moment) for moment in clock["escalate"]]
        clock["urgent_until"] = open_time.after(hours, clock["due"], open_time.open_day(hours))
        clock["hours"] = hours
        if not clock["paused"] and clock["next"] > self.now:
            clock["next"] = clock["warn"] if clock["warn"] > self.now else clock["due"]

    # --- after a breach -----------------------------------------------------------------------

    def to_follow(self) -> list[tuple[int, dict[str, Any]]]:
        """(clock, what it asks for) of everything that is to be done, in order."""
        return [(timer, asked) for (timer, _), asked in self.asked.items() if not asked["outcomes"]]
