"""Touches that were a slip of the hand, and taken back."""

from __future__ import annotations

from hypothesis.stateful import precondition, rule

from qualification.models import Touch
from qualification.review.touch_undo import undo_touch
from tests.qualification.lifecycle.book import UNDO, Row
from tests.qualification.lifecycle.walker import HAPPENED, HOLDER, crashes, people, picks
from tests.qualification.lifecycle.work import Work


def has_touch(row: Row) -> bool:
    return row["touch"] is not None


class Slips(Work):
    """The last touch of a lead does not count."""

    def is_slip(self, row: Row) -> bool:
        """Whether its last touch can still be taken back."""
        touch = row["touch"]
        return has_touch(row) and not touch["is_undone"] and self.now < touch["at"] + UNDO

    @rule(number=picks, person=people, crash=crashes)
    @precondition(
        lambda self: self.steps % 5 == 0 or any(map(self.is_slip, self.book.leads.values()))
    )
    def untouch(self, number: int, person: int, crash: bool) -> None:
        row = self.pick(number, self.is_slip)
        row = row if row is not None and has_touch(row) else self.pick(number, has_touch)
        if row is None or row["touch"] is None:
            return
        touch = row["touch"]
        person = touch["by"] if person == HOLDER else person
        found = self.through(
            "undo touch",
            lambda: undo_touch(
                touch=Touch.objects.get(pk=touch["pk"]), by=self.users[person], now=self.now
            ),
            refusal=self.book.why_not_untouch(row, person),
            crash=crash,
        )
        if found is None:
            return
        self.book.untouched(row)
        HAPPENED[f"touch undone: {row['state']}"] += 1
        if row["clock"]["paused"]:
            HAPPENED["touch undone: its clock stands still again"] += 1
        assert row["task"] == self.item(row).next_task_at
