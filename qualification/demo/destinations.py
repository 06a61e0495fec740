"""Where accepted leads of the demo go besides an AE: a reseller in Poland, and the desk of EMEA for
Spain."""

from __future__ import annotations

from crm.models import Team
from qualification.models import DestinationRule, Partner


def make_destinations() -> None:
    """The partner, and the rules that suggest where a lead goes."""
    partner = Partner.objects.create(
        name="Wisla Systems",
        contact="Ewa Nowak",
        email="ewa@wisla.example",
        region="Europe",
        product="Warehouse suite",
        answer_minutes=960,
    )
    of_poland = {"subject": "lead.country", "op": "is", "value": "Poland"}
    of_spain = {"subject": "lead.country", "op": "is", "value": "Spain"}
    DestinationRule.objects.create(
        position=1, name="Resold in Poland", condition=of_poland, partner=partner
    )
    DestinationRule.objects.create(
        position=2,
        name="Spain, to the desk",
        condition=of_spain,
        team=Team.objects.get(name="EMEA"),
    )
