"""How the demo company routes: large accounts to seniors who speak their language, the rest to the
team of their market.

Written when the last weeks are over, so that the queue somebody looks at is a routed one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm.models import Team, User
from qualification.demo import company
from qualification.models import PoolMember, RoutingPool, RoutingRule, WorkProfile

LARGE = {"subject": "account.employees", "op": "at_least", "value": 1000}
# (name, team, {username: weight})
POOLS = (
    ("Seniors EMEA", "EMEA", {"maya": 2, "aisha": 1}),
    ("Seniors Americas", "Americas", {"grace": 1}),
)
# (username, most open leads at once, of these kept for leads nobody else can take, skills).
# Aisha alone speaks French: her last places are for those who write in French.
PROFILES = (
    ("maya", 30, 0, ["german", "sap"]),
    ("aisha", 6, 4, ["french"]),
    ("grace", 30, 0, ["spanish"]),
)


@dataclass(frozen=True)
class Wish:
    """A rule as the admin of the demo wrote it. `condition` {} is every lead, `segment` the key of
    a saved one; without `is_pooled` anybody of the team may take the lead."""

    name: str
    team: str
    condition: Any
    segment: str = ""
    skills: tuple[str, ...] = ()
    is_pooled: bool = True


def make_routing(people: dict[str, User]) -> None:
    """Pools, profiles and rules; the first rule that fits decides."""
    teams = {team.name: team for team in Team.objects.filter(name__in=company.TEAMS)}
    pools = {}
    for name, team, weights in POOLS:
        pools[team] = RoutingPool.objects.create(name=name, team=teams[team])
        for username, weight in weights.items():
            PoolMember.objects.create(pool=pools[team], person=people[username], weight=weight)
    for username, capacity, reserved, skills in PROFILES:
        WorkProfile.objects.create(
            person=people[username], capacity=capacity, reserved=reserved, skills=skills
        )
    for position, wish in enumerate(_wishes(), start=1):
        RoutingRule.objects.create(
            position=position,
            name=wish.name,
            condition=wish.condition,
            segment_id=wish.segment or None,
            skills=list(wish.skills),
            team=teams[wish.team],
            pool=pools[wish.team] if wish.is_pooled else None,
        )


def _wishes() -> tuple[Wish, ...]:
    of_americas = {"subject": "lead.source", "op": "is_one_of", "value": _sources_of("Americas")}
    return (
        Wish("French speakers", "EMEA", _in_country("France"), skills=("french",)),
        Wish("Large accounts, DACH", "EMEA", LARGE, segment="dach", skills=("german",)),
        # Nobody at work speaks it: such a lead is held, and its managers are told.
        Wish("Portuguese speakers", "Americas", _in_country("Brazil"), skills=("portuguese",)),
        Wish("Large accounts, Americas", "Americas", {"all": [LARGE, of_americas]}),
        Wish("Large accounts, EMEA", "EMEA", LARGE),
        Wish("Americas", "Americas", of_americas, is_pooled=False),
        Wish("Everywhere else", "EMEA", {}, is_pooled=False),
    )


def _in_country(name: str) -> dict[str, Any]:
    return {"all": [LARGE, {"subject": "lead.country", "op": "is", "value": name}]}


def _sources_of(team: str) -> list[str]:
    return [source.name for source in company.SOURCES if source.team == team]
