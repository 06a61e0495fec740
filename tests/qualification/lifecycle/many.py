"""One verb on many leads, and the undo of all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import rule

from qualification.models import BulkStep
from qualification.review import bulk, bulk_undo
from tests.qualification.lifecycle.book import UNDO, Row
from tests.qualification.lifecycle.slips import Slips
from tests.qualification.lifecycle.walker import HAPPENED, is_open, picks

# What says in whose hands a lead is.
HANDS = ("stage", "state", "holder", "lease", "assignee", "in_pool", "task")


class Many(Slips):
    """Each lead of a selection goes through the door of its own."""

    @rule(
        numbers=st.lists(picks, min_size=1, max_size=4),
        person=st.integers(0, 2),
        verb=st.sampled_from(["claim", "assign", "release", "take away"]),
        then=st.sampled_from(["", "undo", "undo", "undo late", "work, then undo"]),
    )
    def many_at_once(self, numbers: list[int], person: int, verb: str, then: str) -> None:
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
        before = {lead: {name: row[name] for name in HANDS} for lead, row in rows.items()}
        told = {
            "claim": lambda: bulk.claim_leads(chosen, by=by, key=key, now=now),
            "assign": lambda: bulk.assign_leads(chosen, to=own, by=by, key=key, now=now),
            "release": lambda: bulk.release_leads(chosen, by=by, note="Busy", key=key, now=now),
            "take away": lambda: bulk.release_leads(chosen, by=by, note="Busy", key=key, now=now),
        }[verb]()
        for outcome, row in zip(told, sorted(rows.values(), key=self.book.rank), strict=True):
            assert outcome.lead.pk == row["lead"]
            assert bool(outcome.refusal) == (not self.one_of_many(row, person, verb)), outcome
        HAPPENED[f"many: {verb}"] += 1
        steps = bulk_undo.steps_of(key, by=by)
        if then and steps:
            self.taken_back(steps, {lead: (rows[lead], before[lead]) for lead in rows}, then)

    def taken_back(
        self, steps: Sequence[BulkStep], pairs: dict[int, tuple[Row, dict[str, Any]]], then: str
    ) -> None:
        """The verb is undone: every lead is again in the hands it was in, but for one somebody
        worked on since; nothing is when it is too late, or done already."""
        done: list[tuple[Row, dict[str, Any]]] = [pairs[step.item.lead_id] for step in steps]
        if then == "undo late":
            self.book.now += UNDO
        worked_on = self.worked_on(done[0][0]) if then == "work, then undo" else None

        def door() -> list[bulk.Outcome]:
            return bulk_undo.undo_bulk(steps=steps, by=steps[0].by, now=self.now)

        is_late = then == "undo late"
        outcomes = self.through("undo many", door, refusal="UndoExpired" if is_late else "")
        if outcomes is None:
            return
        for outcome, (row, before) in zip(outcomes, done, strict=True):
            assert outcome.lead.pk == row["lead"]
            is_undone = row is not worked_on and self.as_it_was(row, before)
            assert bool(outcome.refusal) == (not is_undone), outcome
            HAPPENED["undone among many" if is_undone else "not undone among many"] += 1
        if then == "undo":
            assert all(outcome.refusal for outcome in door())

    def worked_on(self, row: Row) -> Row | None:
        """Whoever holds it calls, or somebody claims it; None when nobody could."""
        number, person = self.number_of(row["lead"]), row["holder"]
        if person is not None:
            self.touch(number, person, task=None, crash=False)
        else:
            self.claim(number, 0, crash=False)
        return None if person is None and row["holder"] is None else row

    def as_it_was(self, row: Row, before: dict[str, Any]) -> bool:
        """Whether the book lets it go back into the hands it was in; then it is there."""
        if before["state"] == "claimed" and self.book.is_full(before["holder"]):
            return False
        was_held = row["holder"] is not None
        row.update(before)
        self.book.moves_on(row)
        if was_held and row["holder"] is None:
            row["is_due"] = row["is_due"] or self.book.would_leave(row)
        self.look_at_item(row)
        assert {name: row[name] for name in before} == before
        return True

    def one_of_many(self, row: Row, person: int, verb: str) -> bool:
        """Whether the book lets this one through; then it is done there as well."""
        if verb == "claim":
            return self.claimed_among_many(row, person)
        if verb == "assign":
            if row["state"] != "owned" and self.book.is_full(person):
                return False
            self.book.given(row, person)
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
