"""Pools, profiles and rules for the tests of routing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from crm.models import Lead, Team, User
from qualification.choices import EntryReason
from qualification.models import (
    Assignment,
    PoolMember,
    ReviewItem,
    RoutingPool,
    RoutingRule,
    WorkProfile,
)
from qualification.review.queue import enter_queue
from tests.qualification import queue_support as rows

NOW = rows.NOW


def pool(team: Team, weights: dict[User, int], name: str = "Everybody") -> RoutingPool:
    """A pool of a team whose people have these weights."""
    made = RoutingPool.objects.create(name=name, team=team)
    for person, weight in weights.items():
        PoolMember.objects.create(pool=made, person=person, weight=weight)
    return made


def rule(target: RoutingPool | Team, when: Any = None, **fields: Any) -> RoutingRule:
    """A rule to a pool, or to a team as a whole; for every lead unless `when` says for which."""
    place: dict[str, Any] = {"team": target}
    if isinstance(target, RoutingPool):
        place = {"team": target.team, "pool": target}
    number = RoutingRule.objects.count() + 1
    defaults = {"name": f"Rule {number}", "position": number, "condition": when or {}}
    return RoutingRule.objects.create(**{**defaults, **place, **fields})


def profile(person: User, **fields: Any) -> WorkProfile:
    """What somebody can take on."""
    return WorkProfile.objects.update_or_create(person=person, defaults=fields)[0]


def arriving(
    team: Team, count: int = 1, *, now: Any = NOW, tenths: int = 500, **fields: Any
) -> list[ReviewItem]:
    """Leads that enter the queue one after the other; their items in this order."""
    found = []
    for _ in range(count):
        lead = rows.scored_lead(tenths, team=team, **fields)
        enter_queue([lead.pk], reason=EntryReason.THRESHOLD, now=now)
        found.append(lead.pk)
    return [ReviewItem.objects.get(lead=pk) for pk in found]


def assigned(items: Collection[ReviewItem]) -> Counter[str]:
    """How many of these leads each got, by first name; nobody is "–"."""
    return Counter(item.assignee.first_name if item.assignee else "–" for item in items)


def newest(lead: Lead | int) -> Assignment:
    """The routing decision that counts."""
    return Assignment.objects.filter(lead=lead).order_by("-pk")[0]


def why_not(lead: Lead | int) -> dict[str, str]:
    """Why each candidate was passed over, by first name; "" could have had it."""
    names = dict(User.objects.values_list("pk", "first_name"))
    return {
        names[candidate["person"]]: candidate["why_not"].get("code", "")
        for candidate in newest(lead).candidates
    }
