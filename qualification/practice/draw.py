"""Decides which past leads a person may practise on, and draws a round from them by a seed.

Called by `rounds.py` and the page that offers a round. The draw itself is a pure function of what
the round keeps: the same pool, size and seed give the same leads in the same order.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from crm.models import User
from qualification.choices import DecisionKind
from qualification.models import (
    ChecklistAnswer,
    Decision,
    ItemEvent,
    PracticeCase,
    ReviewItem,
    Touch,
)

Pool = Mapping[str, Sequence[int]]

SIZES = (5, 10, 20)
KINDS = (DecisionKind.ACCEPT, DecisionKind.REJECT, DecisionKind.NURTURE)
# Only the newest decisions of each kind are looked at: the work stays the same however many there
# are, and old rules teach little.
WINDOW = 2000
POOL = 200


def pool_for(person: User, *, now: datetime) -> dict[str, list[int]]:
    """Kind → decisions on leads of the person's team that may be drawn, newest first, at most POOL
    of each kind.

    A decision may be drawn when it is PRACTICE_MIN_DAYS old, the last word on its lead, the lead is
    not in the queue again, and the person neither had a part in it nor practised on it before.
    """
    found = {str(kind): list(_candidates(person, kind, now=now)[:POOL]) for kind in KINDS}
    drawable = set(_with_facts([pk for pks in found.values() for pk in pks]))
    return {kind: [pk for pk in pks if pk in drawable] for kind, pks in found.items()}


def fits(pool: Pool, size: int) -> bool:
    """Whether a round of this size can be drawn, accepts and rejects among it."""
    least = _least_of_each(size)
    both = all(len(pool[kind]) >= least for kind in (DecisionKind.ACCEPT, DecisionKind.REJECT))
    return both and sum(map(len, pool.values())) >= size


def draw(pool: Pool, *, size: int, seed: int) -> list[int]:
    """The decisions of a round, in its order. Some accepts and some rejects are certain, the rest
    is left to chance: nobody can count what is still to come."""
    chance = random.Random(seed)  # noqa: S311 - a draw that can be done again, no secret
    least = _least_of_each(size)
    drawn = [
        pk
        for kind in (DecisionKind.ACCEPT, DecisionKind.REJECT)
        for pk in chance.sample(pool[kind], least)
    ]
    rest = [pk for kind in KINDS for pk in pool[kind] if pk not in drawn]
    drawn += chance.sample(rest, size - len(drawn))
    chance.shuffle(drawn)
    return drawn


def _least_of_each(size: int) -> int:
    return max(1, size * 3 // 10)


def _candidates(person: User, kind: DecisionKind, *, now: datetime) -> QuerySet[Decision, int]:
    oldest_to_wait = now - timedelta(days=settings.LEADQUAL["PRACTICE_MIN_DAYS"])
    newest = Decision.objects.filter(kind=kind, at__lte=oldest_to_wait).order_by("-at", "-pk")
    of_lead = {"lead": OuterRef("lead")}
    later = Decision.objects.standing().filter(
        Q(at__gt=OuterRef("at")) | Q(at=OuterRef("at"), pk__gt=OuterRef("pk")), **of_lead
    )
    return (
        Decision.objects.standing()
        .visible_to(person)
        .filter(pk__in=newest.values("pk")[:WINDOW], lead__team=person.team_id)
        .exclude(Exists(later))
        .exclude(Exists(ReviewItem.objects.open().filter(**of_lead)))
        .exclude(Exists(PracticeCase.objects.filter(person=person, **of_lead)))
        .exclude(Exists(Decision.objects.filter(Q(by=person) | Q(asked_by=person), **of_lead)))
        # Also one taken back: they had a look at the lead.
        .exclude(Exists(Touch.objects.filter(by=person, **of_lead)))
        .exclude(Exists(ChecklistAnswer.objects.filter(by=person, **of_lead)))
        .exclude(Exists(ItemEvent.objects.filter(by=person, item__lead=OuterRef("lead"))))
        .order_by("-at", "-pk")
        .values_list("pk", flat=True)
    )


def _with_facts(pks: Sequence[int]) -> QuerySet[Decision, int]:
    """Of these, those whose facts were frozen and not erased since."""
    frozen = Decision.objects.filter(pk__in=pks, frozen__has_key="lead")
    return frozen.exclude(frozen__has_key="erased_at").values_list("pk", flat=True)
