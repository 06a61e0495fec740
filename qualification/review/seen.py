"""What else the page of a lead showed when it was decided: the clock of its head, the banner of
possible duplicates, how many people of the company were active.

`frozen.py` keeps it with a decision, `replay.py` reads it again. Other leads are kept by number:
their names are theirs, and would outlive their erasure in somebody else's decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm.models import User
from crm.stages import Stage
from qualification.models import ReviewItem
from qualification.review.accounts import active_people
from qualification.review.duplicates import Likenesses, likenesses_of
from qualification.review.lead_clock import Clock, clock_as_json, clock_from_json, clock_of


@dataclass(frozen=True)
class SeenLikeness:
    """Another lead that might have been the same person: why, and where it stood."""

    lead_id: int
    words: tuple[str, ...]
    stage: str


@dataclass(frozen=True)
class Seen:
    """What was shown; `likely`, `more` and `is_elsewhere` as in `duplicates.Likenesses`, `weeks`
    people active a week, oldest first, empty without a company. None once their person was
    erased."""

    clock: Clock
    likely: tuple[SeenLikeness, ...] | None
    more: int
    is_elsewhere: bool
    weeks: tuple[int, ...] | None


def seen_by(reader: User, item: ReviewItem, *, now: datetime) -> dict[str, Any]:
    """What the page of the item's lead shows the reader, as plain JSON."""
    lead = item.lead
    weeks = () if lead.account is None else active_people(lead.account, now=now)
    return {
        "clock": clock_as_json(clock_of(item, now=now)),
        "duplicates": _plain(likenesses_of(lead, reader=reader)),
        "weeks": list(weeks),
    }


def seen_from(kept: dict[str, Any]) -> Seen:
    """The same again, in words of today's language."""
    alike = kept.get("duplicates")
    return Seen(
        clock=clock_from_json(kept["clock"]),
        likely=None if alike is None else tuple(_likeness(one) for one in alike["likely"]),
        more=alike["more"] if alike else 0,
        is_elsewhere=bool(alike and alike["is_elsewhere"]),
        weeks=tuple(kept["weeks"]) if "weeks" in kept else None,
    )


def _plain(found: Likenesses) -> dict[str, Any]:
    return {
        "likely": [
            {"lead": one.lead.pk, "words": one.words, "stage": one.lead.stage}
            for one in found.likely
        ],
        "more": found.more,
        "is_elsewhere": found.is_elsewhere,
    }


def _likeness(kept: dict[str, Any]) -> SeenLikeness:
    return SeenLikeness(
        lead_id=kept["lead"],
        words=tuple(kept["words"]),
        stage=str(Stage(kept["stage"]).label),
    )
