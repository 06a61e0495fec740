"""What happened to a waiting lead before it is routed again: who gave it back, since when it is
held and why, and what changed since. Called by `assign`, and by the sweep that asks it again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from qualification.choices import AssignedBy, FreedBy
from qualification.models import Assignment
from qualification.routing.eligibility import FULL, GAVE_BACK, OFF

if TYPE_CHECKING:
    from qualification.routing.assign import Placement


@dataclass(frozen=True)
class Hold:
    """Why a lead is held since when: by which rule, and who could not take it then, as stored."""

    since: datetime
    reason: str
    rule_id: int | None = None
    why_not: Mapping[int, str] | None = None


@dataclass(frozen=True)
class Freed:
    """Why a lead that was held is routed anew: since when and why it was, and what changed."""

    since: datetime
    reason: str
    by: str


@dataclass(frozen=True)
class Before:
    """What counts of a lead's stay in the queue so far. `gave_back`: they do not get it again."""

    gave_back: frozenset[int] = frozenset()
    hold: Hold | None = None

    @property
    def is_of_night(self) -> bool:
        """Whether it came when nobody who could take it was at work, and nobody was too full."""
        codes = set(((self.hold and self.hold.why_not) or {}).values())
        return bool(codes & OFF) and FULL not in codes

    def given_back_by(self, person_id: int) -> Before:
        """The same, with one more who gave it back."""
        return replace(self, gave_back=self.gave_back | {person_id})


FRESH = Before()


def before_of(item_ids: Collection[int]) -> dict[int, Before]:
    """What routing wrote down about these items, by lead; one query."""
    rows: dict[int, list[dict[str, Any]]] = defaultdict(list)
    columns = ("lead", "how", "at", "hold_reason", "rule", "candidates")
    for row in Assignment.objects.filter(item__in=item_ids).order_by("pk").values(*columns):
        rows[row["lead"]].append(row)
    return {lead: Before(_gave_back(found), _hold(found)) for lead, found in rows.items()}


def _gave_back(rows: list[dict[str, Any]]) -> frozenset[int]:
    return frozenset(
        candidate["person"]
        for row in rows
        for candidate in row["candidates"]
        if candidate["why_not"].get("code") == GAVE_BACK
    )


def _hold(rows: list[dict[str, Any]]) -> Hold | None:
    """The hold that lasts: the first of the newest decisions in a row that hold it."""
    first = None
    for row in reversed(rows):
        if row["how"] != AssignedBy.HELD:
            break
        first = row
    if first is None:
        return None
    why_not = {c["person"]: c["why_not"].get("code", "") for c in first["candidates"]}
    return Hold(first["at"], first["hold_reason"], first["rule"], why_not)


def freed_by(hold: Hold, placement: Placement) -> Freed:
    """What changed since the hold, seen from where the lead goes now."""
    return Freed(hold.since, hold.reason, _change(hold, placement))


def _change(hold: Hold, placement: Placement) -> str:
    rule_id = placement.rule.pk if placement.rule else None
    if hold.why_not is None or rule_id != hold.rule_id or placement.person_id is None:
        return FreedBy.RULES
    code = hold.why_not.get(placement.person_id, FreedBy.JOINED)
    return code if code in FreedBy.values else FreedBy.RULES
