"""How the demo company routes: large accounts to seniors, the rest to the team of their market.

Written when the last weeks are over, so that the queue somebody looks at is a routed one.
"""

from __future__ import annotations

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
# (username, most open leads at once, skills)
PROFILES = (
    ("maya", 30, ["german", "sap"]),
    ("aisha", 20, ["french"]),
    ("grace", 30, ["spanish"]),
)


def make_routing(people: dict[str, User]) -> None:
    """Pools, profiles and rules; the first rule that fits decides."""
    teams = {team.name: team for team in Team.objects.filter(name__in=company.TEAMS)}
    pools = {}
    for name, team, weights in POOLS:
        pools[team] = RoutingPool.objects.create(name=name, team=teams[team])
        for username, weight in weights.items():
            PoolMember.objects.create(pool=pools[team], person=people[username], weight=weight)
    for username, capacity, skills in PROFILES:
        WorkProfile.objects.create(person=people[username], capacity=capacity, skills=skills)
    of_americas = {"subject": "lead.source", "op": "is_one_of", "value": _sources_of("Americas")}
    rules: tuple[tuple[str, Any, str, RoutingPool | None], ...] = (
        (
            "Large accounts, Americas",
            {"all": [LARGE, of_americas]},
            "Americas",
            pools["Americas"],
        ),
        ("Large accounts, EMEA", LARGE, "EMEA", pools["EMEA"]),
        ("Americas", of_americas, "Americas", None),
        ("Everywhere else", {}, "EMEA", None),
    )
    for position, (name, condition, team, pool) in enumerate(rules, start=1):
        RoutingRule.objects.create(
            position=position, name=name, condition=condition, team=teams[team], pool=pool
        )


def _sources_of(team: str) -> list[str]:
    return [source.name for source in company.SOURCES if source.team == team]
