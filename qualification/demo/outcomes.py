"""How the accepted leads of the demo go on: the CRM tells it once a day, through the one door."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator

from crm.models import Outcome, Source
from crm.stages import Stage
from qualification.connectors.base import ToldOutcome
from qualification.models import Handoff
from qualification.outcomes.record import record_outcome

SEED = "how it ended"
DAY = dt.timedelta(days=1)
# Of those the AE took: become an opportunity; of these, won and lost. The rest is still open.
OPPORTUNITY, WON, LOST = 0.7, 0.4, 0.4
Value = Outcome.Value


def make_crm(now: dt.datetime) -> Source:
    """The system the demo company keeps its deals in."""
    return Source.objects.create(
        name="crm", label="CRM", kind=Source.Kind.CRM, credential="demo-crm", created_at=now
    )


def tell_daily(start: dt.datetime, now: dt.datetime) -> Iterator[dt.datetime]:
    """Every evening, what became of the handoffs that were taken."""
    evening = start + DAY
    yield evening
    source = make_crm(evening)
    while evening + DAY <= now:
        evening += DAY
        yield evening
        taken = Handoff.objects.filter(
            state=Handoff.State.ACCEPTED, lead__stage__in=[Stage.SQL, Stage.OPPORTUNITY]
        )
        for handoff in taken.order_by("pk"):
            for told in _fate(handoff):
                if told.occurred_at <= evening:
                    record_outcome(told=told, source=source, now=evening)


def _fate(handoff: Handoff) -> list[ToldOutcome]:
    """What this handoff comes to, the same whenever it is asked."""
    draw = random.Random(f"{SEED} {handoff.pk}")  # noqa: S311
    first = handoff.created_at + draw.uniform(2, 8) * DAY
    is_opportunity = draw.random() < OPPORTUNITY
    ends = [(first, Value.OPPORTUNITY if is_opportunity else Value.LOST)]
    closed, chance = first + draw.uniform(6, 25) * DAY, draw.random()
    if is_opportunity and chance < WON + LOST:
        ends.append((closed, Value.WON if chance < WON else Value.LOST))
    return [
        ToldOutcome(f"deal-{handoff.pk}", value, at, f"lead:{handoff.lead_id}")
        for at, value in ends
    ]
