"""The rows a walk begins with, and how it looks at them: people, versions, messages, places."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

from django.db import connection

from crm.intake.inbox import store_message
from crm.models import InboxMessage, Source, Team, User
from qualification.models import PoolMember, RoutingPool, RoutingRule, ScoringModel, WorkProfile
from qualification.scoring import drafts, versions
from qualification.scoring.document import checked_document
from tests import factories

COMPANIES = ("brightwater", "kestrel", "lumen")


def document(vp: float) -> dict[str, Any]:
    """Versions differ in what a VP is worth and in nothing else."""

    def rule(name: str, when: dict[str, Any], points: float, **more: Any) -> dict[str, Any]:
        return {"name": name, "dimension": "fit", "when": when, "points": points} | more

    banned = {"subject": "lead.country", "op": "is", "value": "Nowhere"}
    return {
        "name": "Walk",
        "base": {"fit": 20},
        "thresholds": {
            "mql": 40,
            "fit": {"A": 40, "B": 30, "C": 20},
            "intent": {"1": 20, "2": 15, "3": 6},
        },
        "rules": [
            rule("VP", {"subject": "lead.title", "op": "is", "value": "VP"}, vp),
            rule("Big", {"subject": "account.employees", "op": "at_least", "value": 1000}, 10),
            rule("Demo", {"activity": "demo_request", "per": "once"}, 15, dimension="intent"),
            rule("Visit", {"activity": "visit", "per": "once"}, 6, dimension="intent"),
            rule("Not served", banned, 0, disqualifies="not_served"),
        ],
    }


@dataclass
class World:
    """Everything that is not a lead."""

    team: Team
    sdrs: list[User]
    manager: User
    aes: list[User]
    source: Source
    pool: RoutingPool
    rule: RoutingRule
    models: dict[int, ScoringModel]


def begin(now: dt.datetime) -> World:
    """A team of three with a pool of two, a source, and two versions, the first one live."""
    team = Team.objects.create(name="Walk")
    sdrs = [factories.person("sdr", team) for _ in range(3)]
    pool = RoutingPool.objects.create(name="Walk", team=team)
    for person in sdrs[:2]:
        PoolMember.objects.create(pool=pool, person=person)
        WorkProfile.objects.create(person=person)
    rule = RoutingRule.objects.create(name="Walk", team=team, pool=pool, is_active=False)
    models = {
        version: drafts.load_draft(checked_document(document(vp)), by=None, now=now)
        for version, vp in ((1, 30), (2, 12))
    }
    versions.activate_as_operator(model=models[1], now=now)
    return World(
        team=team,
        sdrs=sdrs,
        manager=factories.person("manager", team),
        aes=[factories.person("ae", team) for _ in range(2)],
        source=factories.SourceFactory(team=team),
        pool=pool,
        rule=rule,
        models=models,
    )


def store(world: World, said: dict[str, Any], now: dt.datetime) -> InboxMessage:
    """A message as the webhook stores it; not processed."""
    body = json.dumps(said).encode()
    message, _ = store_message(
        source=world.source,
        event_key=f"walk:{InboxMessage.objects.count()}",
        body=body,
        content_type="application/json",
        now=now,
    )
    return message


def rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """What the tables say."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()
