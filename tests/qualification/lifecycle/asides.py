"""What happens beside the straight road: pauses, skips, many at once, other desks, outcomes."""

from __future__ import annotations

import datetime as dt
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import rule

from qualification.choices import SkipReason
from qualification.review import bulk
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

    # --- many at once -----------------------------------------------------------------------------

    @rule(
        numbers=st.lists(picks, min_size=1, max_size=4),
        person=st.integers(0, 2),
        verb=st.sampled_from(["claim", "assign", "release", "take away"]),
    )
    def many_at_once(self, numbers: list[int], person: int, verb: str) -> None:
        """One verb on a selection, best lead first; what cannot be had does not stop the next."""
        picked = [self.pick(number, is_open) for number in numbers]
        rows = {row["lead"]: row for row in picked if row is not None and row["item"]}
        if verb in ("assign", "take away"):
            rows = {lead: row for lead, row in rows.items() if row["holder"] != person}
        if not rows:
            return
        manager, own = self.world.manager, self.users[person]
        by = manager if verb in ("assign", "take away") else own
        chosen = {lead: self.item(row).token for lead, row in rows.items()}
        key, now = uuid4(), self.now
        told = {
            "claim": lambda: bulk.claim_leads(chosen, by=by, key=key, now=now),
            "assign": lambda: bulk.assign_leads(chosen, to=own, by=by, key=key, now=now),
            "release": lambda: bulk.release_leads(chosen, by=by, note="Busy", key=key, now=now),
            "take away": lambda: bulk.release_leads(chosen, by=by, note="Busy", key=key, now=now),
        }[verb]()
        for outcome, row in zip(told, sorted(rows.values(), key=self.book.rank), strict=True):
            assert outcome.lead.pk == row["lead"]
            assert bool(outcome.refusal) == (not self.one_of_many(row, person, verb)), outcome

    def one_of_many(self, row: Row, person: int, verb: str) -> bool:
        """Whether the book lets this one through; then it is done there as well."""
        if verb == "claim":
            return self.claimed_among_many(row, person)
        if verb == "assign":
            if row["state"] != "owned" and self.book.is_full(person):
                return False
            if row["state"] == "owned":
                row["holder"] = person
            else:
                self.book.claimed(row, person)
            self.look_at_item(row)
            return True
        is_let = row["holder"] is not None if verb == "take away" else True
        if not is_let or (verb == "release" and not self.book.holds(row, person)):
            return False
        self.book.put_back(row)
        self.look_at_item(row)
        return True

    def claimed_among_many(self, row: Row, person: int) -> bool:
        if self.book.holds(row, person):
            self.renew(row)
            return True
        if self.why_not_claim(row, person):
            return False
        if self.book.has_lapsed(row):
            self.book.put_back(row)
        self.book.claimed(row, person)
        return True

    # --- past every door --------------------------------------------------------------------------

    @rule()
    def by_hand(self) -> None:
        """Somebody writes SQL; what must never be is refused, whatever rows there are."""
        assert [name for name, breach in BREACHES.items() if written(breach)[0]] == []
