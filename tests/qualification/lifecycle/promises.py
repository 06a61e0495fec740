"""What changes the promise to answer: policies of clocks, opening hours of a team."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from qualification.models import SLAPolicy
from qualification.sla.edits import edit_calendar
from tests.qualification.lifecycle import world
from tests.qualification.lifecycle.book_clocks import KINDS
from tests.qualification.lifecycle.hours import OF_TEAMS
from tests.qualification.lifecycle.walker import HAPPENED, Walker, crashes

ACTIONS = ("", "notify", "reassign", "reassign", "reassign")


class Promises(Walker):
    """Managers edit policies and calendars while clocks run."""

    @rule(
        kind=st.sampled_from(KINDS),
        on_breach=st.sampled_from(ACTIONS),
        escalate_after=st.sampled_from([[], [30], [10, 60, 1440]]),
        on_escalation=st.sampled_from(ACTIONS),
    )
    def edit_policy(
        self, kind: str, on_breach: str, escalate_after: list[int], on_escalation: str
    ) -> None:
        """Clocks that run keep their times; what follows a breach is what it says by then."""
        said = {"on_breach": on_breach, "escalate_after": escalate_after}
        said |= {"on_escalation": on_escalation}
        assert SLAPolicy.objects.filter(kind=kind).update(**said)
        self.book.policies[kind] = said

    @rule(name=st.sampled_from(sorted(OF_TEAMS)), crash=crashes)
    def edit_hours(self, name: str, crash: bool) -> None:
        """Another version of the team's calendar: clocks that are not due follow."""
        hours = OF_TEAMS[name]
        found = self.through(
            "calendar",
            lambda: edit_calendar(
                calendar=self.world.calendar,
                content=world.content(hours),
                by=self.world.admins[0],
                now=self.now,
            ),
            crash=crash,
        )
        if found is not None:
            _version, moved = found
            assert moved == self.book.other_hours(list(self.book.leads.values()), hours)
            HAPPENED["clocks moved with a calendar"] += moved
