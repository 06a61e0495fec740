"""The rows a walk begins with, and how it looks at them: people, versions, messages, places."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

from django.db import connection

from crm.intake.inbox import store_message
from crm.models import InboxMessage, Source, Team, User
from qualification.models import (
    BusinessCalendar,
    Partner,
    PoolMember,
    RoutingPool,
    RoutingRule,
    ScoringModel,
    TeamCalendar,
    WorkProfile,
)
from qualification.scoring import drafts, versions
from qualification.scoring.document import checked_document
from qualification.sla.hours import CalendarContent, write_version
from tests import factories
from tests.qualification.lifecycle.book_clocks import PARTNER_MINUTES
from tests.qualification.lifecycle.hours import ALWAYS, Hours, written

COMPANIES = ("brightwater", "kestrel", "lumen")
# What a VP is worth in tenths, by version of the beginning.
WORTH = {1: 300, 2: 120}


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
    # The first writes versions, the second publishes them.
    admins: list[User]
    calendar: BusinessCalendar
    desk: Team
    partner: Partner


def version(number: int, worth: int, *, is_own: bool = False) -> dict[str, Any]:
    """A draft as the book keeps it; `is_own` of whoever would publish it."""
    return {
        "number": number, "vp": worth, "status": "draft", "was_live": False, "is_own": is_own,
        "since": None, "seen": {},
    }  # fmt: skip


def content(hours: Hours) -> CalendarContent:
    """Opening hours as a calendar is written."""
    return CalendarContent(zone=hours["zone"], week=written(hours))


def begin(now: dt.datetime) -> World:
    """A team of three with a pool of two, its calendar, a source, two versions, the first one live,
    and whoever accepted leads go to: AEs, the desk of another team, a partner."""
    team = Team.objects.create(name="Walk")
    sdrs = [factories.person("sdr", team) for _ in range(3)]
    pool = RoutingPool.objects.create(name="Walk", team=team)
    for person in sdrs[:2]:
        PoolMember.objects.create(pool=pool, person=person)
        WorkProfile.objects.create(person=person)
    rule = RoutingRule.objects.create(name="Walk", team=team, pool=pool, is_active=False)
    models = {number: draft(worth / 10, by=None, now=now) for number, worth in WORTH.items()}
    versions.activate_as_operator(model=models[1], now=now)
    calendar = BusinessCalendar.objects.create(name="Walk")
    TeamCalendar.objects.create(team=team, calendar=calendar)
    write_version(calendar=calendar, content=content(ALWAYS), by=None, now=now)
    desk = Team.objects.create(name="Walk, field sales")
    return World(
        team=team,
        sdrs=sdrs,
        manager=factories.person("manager", team),
        aes=[factories.person("ae", each) for each in (team, team, desk)],
        source=factories.SourceFactory(team=team),
        pool=pool,
        rule=rule,
        models=models,
        admins=[factories.person("admin", team) for _ in range(2)],
        calendar=calendar,
        desk=desk,
        partner=Partner.objects.create(
            name="Walk partner",
            contact="Ewa",
            email="ewa@partner.example",
            answer_minutes=PARTNER_MINUTES,
        ),
    )


def draft(vp: float, *, by: User | None, now: dt.datetime) -> ScoringModel:
    """A draft in which a VP is worth so many points."""
    return drafts.load_draft(checked_document(document(vp)), by=by, now=now)


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
