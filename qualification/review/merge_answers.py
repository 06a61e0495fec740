"""Decides which answers of discovery stay where two leads are one person. Called by the merge and
its page.

A person's answer goes before one taken from a form or a file, then the newer one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm.merging.merge import Pair
from crm.models import Lead, LeadMerge
from qualification.models import ChecklistAnswer, Criterion

# How the page and the merge name an answer, before the key of its criterion.
ANSWER = "answer."


@dataclass(frozen=True)
class AnswerPair:
    """What both say about one criterion; at least one of them says something."""

    criterion: Criterion
    mine: ChecklistAnswer | None
    theirs: ChecklistAnswer | None

    @property
    def key(self) -> str:
        """The name of the choice."""
        return f"{ANSWER}{self.criterion.key}"

    @property
    def differs(self) -> bool:
        """Whether there is a choice."""
        if self.mine is None or self.theirs is None:
            return True
        return (self.mine.value, self.mine.state) != (self.theirs.value, self.theirs.state)

    @property
    def takes_theirs(self) -> bool:
        """What stays unless somebody chooses otherwise."""
        if self.theirs is None or not self.differs:
            return False
        return self.mine is None or _rank(self.theirs) > _rank(self.mine)


def _rank(answer: ChecklistAnswer) -> tuple[bool, datetime]:
    return answer.by_id is not None, answer.recorded_at


def answers_of(survivor: Lead, loser: Lead) -> list[AnswerPair]:
    """The current answers of both, by criterion. One query."""
    rows = ChecklistAnswer.objects.filter(lead__in=(survivor, loser), superseded_at=None)
    of: dict[int, dict[int, ChecklistAnswer]] = {}
    criteria: dict[int, Criterion] = {}
    for row in rows.select_related("criterion", "by").order_by("criterion__key"):
        criteria[row.criterion_id] = row.criterion
        of.setdefault(row.criterion_id, {})[row.lead_id] = row
    return [
        AnswerPair(criteria[pk], both.get(survivor.pk), both.get(loser.pk))
        for pk, both in of.items()
    ]


def move_answers(pair: Pair, *, takes: Collection[str], now: datetime) -> dict[str, Any]:
    """The chosen answers become the survivor's; its own of the same criterion are superseded. The
    ids of both."""
    taken = [one for one in answers_of(pair.survivor, pair.loser) if one.key in takes]
    moved = [one.theirs.pk for one in taken if one.theirs is not None]
    superseded = [one.mine.pk for one in taken if one.mine is not None and one.theirs is not None]
    ChecklistAnswer.objects.filter(pk__in=superseded).update(superseded_at=now)
    ChecklistAnswer.objects.filter(pk__in=moved).update(lead=pair.survivor)
    return {"moved": moved, "superseded": superseded}


def move_back(merge: LeadMerge, pair: Pair) -> None:
    """The answers are where they were; one that somebody gave since stays with the survivor."""
    ids = merge.moved["answers"]
    rows = ChecklistAnswer.objects.filter(pk__in=ids["moved"], lead=pair.survivor)
    rows.update(lead=pair.loser, superseded_at=None)
    known = ChecklistAnswer.objects.filter(lead=pair.survivor, superseded_at=None)
    old = ChecklistAnswer.objects.filter(pk__in=ids["superseded"], lead=pair.survivor)
    old.exclude(criterion__in=known.values("criterion")).update(superseded_at=None)
