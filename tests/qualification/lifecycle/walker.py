"""How a walk goes through a door: what the book expects is what must happen."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.db import transaction
from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition

from qualification.exceptions import QualificationError
from qualification.models import ReviewItem
from tests import factories
from tests.qualification.lifecycle import world
from tests.qualification.lifecycle.book import Book, Row
from tests.qualification.lifecycle.faults import Crash, crashing_before

# Mostly whoever holds the lead; now and then one of the three, whatever is theirs.
HOLDER = -1
people = st.sampled_from([HOLDER] * 5 + [0, 1, 2])
# Which lead: mostly one the verb is for, now and then any (see `pick`).
picks = st.integers(0, 999)
# Now and then somebody pulls the plug.
crashes = st.sampled_from([False] * 6 + [True])
MANAGER = 3
# What happened in all walks of this process, by name: a verb that went through or was refused, and
# what followed. A walk in which a thing never happens proves nothing about it.
HAPPENED: Counter[str] = Counter()


# --- which leads a verb is for ----------------------------------------------------------------


def is_open(row: Row) -> bool:
    return row["item"] is not None


def is_waiting(row: Row) -> bool:
    return bool(row["state"] == "waiting")


def is_held(row: Row) -> bool:
    return row["holder"] is not None


def is_owned(row: Row) -> bool:
    return bool(row["state"] == "owned")


def is_handed_over(row: Row) -> bool:
    return bool(row["handoff"] == "waiting")


def is_decided(row: Row) -> bool:
    return row["last"] is not None and not row["last"]["is_reversed"]


def is_rejected(row: Row) -> bool:
    return is_decided(row) and row["stage"] == "disqualified"


def is_turned_away(row: Row) -> bool:
    return bool(row["turned_away"])


def where(suits: Callable[[Row], bool]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A verb for leads of a kind: taken while there is one, and on every fifth step all the same,
    to be refused."""
    return precondition(
        lambda walker: (
            walker.steps % 5 == 0 or any(suits(row) for row in walker.book.leads.values())
        )
    )


class Walker(RuleBasedStateMachine):
    """One world, one book, and the doors between them."""

    # Hypothesis begins with the simplest walk it knows, which goes nowhere: it is left out.
    leaves_out = 0

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        # Everything happens in one transaction that is thrown away.
        self.around = transaction.atomic()
        self.around.__enter__()
        self.book = Book(factories.NOW)

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.around.__exit__(None, None, None)

    def open_the_doors(self) -> None:
        if Walker.leaves_out:
            Walker.leaves_out -= 1
            reject()
        self.world = world.begin(self.now)
        self.users = [*self.world.sdrs, self.world.manager]
        self.person_of = {user.pk: place for place, user in enumerate(self.users)}
        for number, worth in world.WORTH.items():
            self.book.versions[number] = world.version(number, worth)
        self.book.goes_live(1)

    @property
    def now(self) -> dt.datetime:
        return self.book.now

    # --- doors ------------------------------------------------------------------------------------

    def through(
        self, step: str, door: Callable[[], Any], *, refusal: str = "", crash: bool = False
    ) -> Any:
        """What the door returns; None when it refused, as the book said, or ended midway."""
        try:
            with transaction.atomic():
                if not crash:
                    found = door()
                    assert not refusal, f"{step} should be refused: {refusal}"
                    HAPPENED[step] += 1
                    return found
                with crashing_before(step):
                    door()
        except Crash:
            assert not refusal, f"{step} should be refused before: {refusal}"
            HAPPENED[f"{step} ends midway"] += 1
        except QualificationError as refused:
            if type(refused).__name__ != refusal:
                raise AssertionError(f"{step} should be refused by {refusal!r}") from refused
            HAPPENED[f"{step} is refused"] += 1
        else:
            raise AssertionError(f"{step} never came to where it should have crashed")
        return None

    def row(self, lead: int) -> Row:
        return self.book.leads[lead]

    def pick(self, number: int, suits: Callable[[Row], bool] = bool) -> Row | None:
        """One of the leads that suit, every eighth time any lead; None when there is none yet."""
        every = list(self.book.leads.values())
        suiting = [row for row in every if suits(row)]
        among = every if number % 8 == 0 else suiting or every
        return among[number // 8 % len(among)] if among else None

    def number_of(self, lead: int) -> int:
        """`pick` counts leads in the order of the book; a multiple of eight takes any."""
        return list(self.book.leads).index(lead) * 8

    def who(self, row: Row, person: int) -> int:
        """The holder where the holder is meant and there is one."""
        return person if person != HOLDER else row["holder"] if row["holder"] is not None else 0

    def item(self, row: Row) -> ReviewItem:
        return ReviewItem.objects.get(pk=row["item"])

    def look_at_item(self, row: Row) -> None:
        """Ids, and what routing chose: whom it should choose is proved elsewhere."""
        (found,) = world.rows(
            "SELECT id, assignee_id, pool_id FROM qualification_reviewitem"
            " WHERE lead_id = %s AND state <> 'closed'",
            row["lead"],
        )
        row.update(item=found[0], assignee=self.person_of.get(found[1]))
        row.update(in_pool=found[2] is not None)

    def start_clock(self, row: Row, kind: str, at: dt.datetime | None = None) -> None:
        ((timer,),) = world.rows(
            "SELECT id FROM qualification_slatimer WHERE lead_id = %s AND kind = %s"
            " AND state = 'running'",
            row["lead"],
            kind,
        )
        self.book.start_clock(row, kind, timer, at)

    def enter(self, row: Row, reason: str, at: dt.datetime | None = None) -> None:
        self.book.enter(row, reason)
        self.look_at_item(row)
        self.start_clock(row, "first_response", at)
