"""What happens beside the straight road: pauses, skips, rows written by hand."""

from __future__ import annotations

import datetime as dt

from hypothesis import strategies as st
from hypothesis.stateful import rule

from qualification.choices import SkipReason
from qualification.review.pauses import pause_clock, resume_clock
from qualification.review.skips import skip_item
from tests.qualification.lifecycle.book import SKIPPED_FOR, Row
from tests.qualification.lifecycle.by_hand import BREACHES, written
from tests.qualification.lifecycle.claims import Claims
from tests.qualification.lifecycle.walker import (
    MANAGER,
    crashes,
    is_open,
    people,
    picks,
    where,
)


def is_claimed(row: Row) -> bool:
    return bool(row["state"] == "claimed")


def is_paused(row: Row) -> bool:
    return row["item"] is not None and row["clock"]["paused"] is not None


class Asides(Claims):
    """Verbs that are rarer than claim, call and decide."""

    # --- the clock stands still -------------------------------------------------------------------

    def why_not_pause(self, row: Row, person: int) -> str:
        return "" if person == MANAGER or self.book.holds(row, person) else "NotHolder"

    @rule(number=picks, person=people, minutes=st.sampled_from([-5, 10, 600]), crash=crashes)
    @where(is_open)
    def pause(self, number: int, person: int, minutes: int, crash: bool) -> None:
        row = self.pick(number, is_open)
        if row is None or row["item"] is None:
            return
        person = MANAGER if row["holder"] is None else self.who(row, person)
        until = self.now + dt.timedelta(minutes=minutes)
        refusal = self.why_not_pause(row, person)
        refusal = refusal or ("NotPausable" if row["clock"]["paused"] else "")
        refusal = "PauseInvalid" if minutes < 0 else refusal
        found = self.through(
            "pause",
            lambda: pause_clock(
                item=self.item(row),
                by=self.users[person],
                reason="They are on leave",
                until=until,
                now=self.now,
            ),
            refusal=refusal,
            crash=crash and not refusal,
        )
        if found is not None:
            self.book.stand_still(row, until)
            self.book.moves_on(row)

    @rule(number=picks, person=people, crash=crashes)
    @where(is_paused)
    def resume(self, number: int, person: int, crash: bool) -> None:
        row = self.pick(number, is_paused)
        if row is None or row["item"] is None:
            return
        person = MANAGER if row["holder"] is None else self.who(row, person)
        refusal = self.why_not_pause(row, person)
        refusal = refusal or ("" if row["clock"]["paused"] else "NotPausable")
        found = self.through(
            "resume",
            lambda: resume_clock(item=self.item(row), by=self.users[person], now=self.now),
            refusal=refusal,
            crash=crash and not refusal,
        )
        if found is not None:
            self.book.go_on(row)
            self.book.burns(row)
            self.book.moves_on(row)

    # --- passed on --------------------------------------------------------------------------------

    @rule(number=picks, person=people, crash=crashes)
    @where(is_claimed)
    def skip(self, number: int, person: int, crash: bool) -> None:
        row = self.pick(number, is_claimed)
        if row is None or row["item"] is None:
            return
        person, item = self.who(row, person), row["item"]
        is_own = self.book.holds(row, person) and row["state"] == "claimed"
        found = self.through(
            "skip",
            lambda: skip_item(
                item=self.item(row), by=self.users[person], reason=SkipReason.TIME, now=self.now
            ),
            refusal="" if is_own else "NotHolder",
            crash=crash and is_own,
        )
        if found is not None:
            self.book.skips[item, person] = self.now + SKIPPED_FOR
            self.book.put_back(row)
            self.look_at_item(row)

    # --- past every door --------------------------------------------------------------------------

    @rule()
    def by_hand(self) -> None:
        """Somebody writes SQL; what must never be is refused, whatever rows there are."""
        assert [name for name, breach in BREACHES.items() if written(breach)[0]] == []
