"""Decides what of a past lead may be seen before it is judged: the screen as it was frozen with the
decision, and the journey up to then, as recorded by then.

Called by the page of a case. Nothing of the decision itself comes through here: not what it was,
by whom, why, what the score was taken to mean, what followed, nor who worked the lead before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from qualification.models import Decision
from qualification.review.journey_sources import Row
from qualification.review.replay import Screen, screen_of
from qualification.review.timeline import Day, journey_until

# What is told of the work before; decisions, stages and outcomes would say how it ended.
KINDS = ("activity", "item", "touch", "answer", "dispute")
# An event that is not here may only happen after a decision, or on the way to one.
ITEM_VERBS = frozenset(
    {
        "item:entered",
        "item:assigned",
        "item:claimed",
        "item:owned",
        "item:released",
        "item:lapsed",
        "item:reassigned",
        "item:snoozed",
        "item:undone",
        "clock:paused",
        "clock:resumed",
        "cadence:started",
        "cadence:stopped",
        "facts:changed",
        "framework:switched",
    }
)
ENTRIES = 60


@dataclass(frozen=True)
class BlindLead:
    """The lead just before it was decided; `journey` holds its last entries, newest first."""

    screen: Screen
    journey: tuple[Day, ...]

    @property
    def at(self) -> datetime:
        """The moment it stands still at."""
        return self.screen.at


def blind_lead(decision: Decision) -> BlindLead:
    """What the person who decided could see, without anybody's name."""
    screen = screen_of(decision.frozen, at=decision.at)
    nameless = tuple(replace(answer, by="") for answer in screen.answers)
    # Accepting settles the checklist where nothing had before: its name would tell.
    hidden = replace(screen, answers=nameless, framework="", entry="")
    return BlindLead(
        screen=hidden,
        journey=journey_until(
            decision.lead_id, at=decision.at, kinds=KINDS, tell=_hidden, limit=ENTRIES
        ),
    )


def _hidden(row: Row) -> Row | None:
    """A line without who did it; None for one that is not told."""
    if row.kind == "item":
        return row._replace(by_id=None, by_name="", words="") if row.verb in ITEM_VERBS else None
    return row._replace(by_id=None, by_name="")
