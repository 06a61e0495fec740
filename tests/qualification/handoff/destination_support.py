"""Partners, desks and leads that may go there, made through the same doors as real work."""

from __future__ import annotations

import datetime as dt

from crm.models import Team, User
from qualification.choices import ItemState
from qualification.models import Handoff, Partner, ReviewItem, Target
from qualification.review.decisions import accept_lead
from tests.factories import NOW
from tests.qualification.decision_support import MINUTE, answer, answer_required, held_item

LATER = NOW + 20 * MINUTE
SOON = NOW + 5 * MINUTE


def partner(name: str = "Wisla Systems", **fields: object) -> Partner:
    """A partner who takes leads."""
    given = {"contact": "Ewa", "email": "ewa@wisla.example"} | fields
    return Partner.objects.create(name=name, **given)


def ready_item(people: dict[str, User], **fields: object) -> ReviewItem:
    """An owned lead with every required answer, a country, and consent to be passed on."""
    item = held_item(people["sdr"], ItemState.OWNED, **({"country": "Poland"} | fields))
    answer_required(item.lead, people["sdr"])
    answer(item.lead, "share_consent", people["sdr"], value=True)
    return item


def handed_to(to: Target, people: dict[str, User], now: dt.datetime = SOON) -> Handoff:
    """A ready lead, accepted for this destination."""
    item = ready_item(people)
    accept_lead(item=item, token=item.token, by=people["sdr"], to=to, now=now)
    return Handoff.objects.get()


def team_of(people: dict[str, User]) -> Team:
    """The team of everybody."""
    team = people["ae"].team
    assert team is not None
    return team
