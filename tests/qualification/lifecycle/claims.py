"""Who holds which lead: claims, the next one, put back, given to somebody else."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from qualification.review import claims, next_lead
from tests.qualification.lifecycle.book import LEASE, Row
from tests.qualification.lifecycle.walker import (
    Walker,
    crashes,
    is_held,
    is_open,
    is_waiting,
    people,
    picks,
    where,
)


class Claims(Walker):
    """A lead comes into the hands of somebody and out of them again."""

    @rule(person=st.integers(0, 2))
    def next_one(self, person: int) -> None:
        expected = self.book.next_for(person)
        found = self.through(
            "next",
            lambda: next_lead.claim_next(by=self.users[person], now=self.now),
            refusal="ClaimLimitReached" if self.book.is_full(person) else "",
        )
        if found is not None:
            assert found.lead_id == expected
            self.book.claimed(self.row(expected), person)
        elif not self.book.is_full(person):
            assert expected is None

    @rule(number=picks, person=st.integers(0, 2), crash=crashes)
    @where(is_waiting)
    def claim(self, number: int, person: int, crash: bool) -> None:
        row = self.pick(number, is_waiting)
        if row is None or row["item"] is None:
            return
        person = self.who(row, person)
        is_own = self.book.holds(row, person)
        refusal = "" if is_own else self.why_not_claim(row, person)
        item = self.through(
            "claim",
            lambda: claims.claim_item(item=self.item(row), by=self.users[person], now=self.now),
            refusal=refusal,
            crash=crash and not is_own,
        )
        if item is not None and is_own:
            self.renew(row)
        elif item is not None:
            if self.book.has_lapsed(row):
                self.book.put_back(row)
            self.book.claimed(row, person)

    def why_not_claim(self, row: Row, person: int) -> str:
        is_free = row["state"] == "waiting" or self.book.has_lapsed(row)
        if not is_free:
            return "ClaimTaken"
        if not self.book.is_for(row, person):
            return "NotTheirTurn"
        return "ClaimLimitReached" if self.book.is_full(person) else ""

    def renew(self, row: Row) -> None:
        if row["state"] == "claimed":
            row["lease"] = max(row["lease"], self.now + LEASE)

    @rule(number=picks, person=people, crash=crashes)
    @where(is_held)
    def release(self, number: int, person: int, crash: bool) -> None:
        row = self.pick(number, is_held)
        if row is None or row["item"] is None:
            return
        person = self.who(row, person)
        found = self.through(
            "release",
            lambda: claims.release_item(item=self.item(row), by=self.users[person], now=self.now),
            refusal="" if self.book.holds(row, person) else "NotHolder",
            crash=crash,
        )
        if found is not None:
            self.book.put_back(row)
            self.look_at_item(row)

    @rule(number=picks, person=people, crash=crashes)
    @where(is_open)
    def reassign(self, number: int, person: int, crash: bool) -> None:
        row = self.pick(number, is_open)
        person = max(person, 0)
        if row is None or row["item"] is None or row["holder"] == person:
            return
        is_full = row["state"] != "owned" and self.book.is_full(person)
        found = self.through(
            "reassign",
            lambda: claims.reassign_item(
                item=self.item(row), to=self.users[person], by=self.world.manager, now=self.now
            ),
            refusal="ClaimLimitReached" if is_full else "",
            crash=crash,
        )
        if found is None:
            return
        self.book.given(row, person)
        self.look_at_item(row)
