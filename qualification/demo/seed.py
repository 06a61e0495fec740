"""Drives the doors: people write in, SDRs work, AEs answer, rules are proposed.

Each step happens at its own moment: `now` is passed to every function as always, and the history
triggers see the same moment through `crm_now()`.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import secrets
from collections.abc import Callable

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db import connection

from crm.intake.inbox import store_message
from crm.models import InboxMessage, Lead, Source, Team, User
from qualification import pipeline
from qualification.choices import ItemState
from qualification.demo import company
from qualification.demo.market import Inquirer, Market
from qualification.demo.work import Desk, Workers
from qualification.feedback import proposals
from qualification.models import ReviewItem
from qualification.scoring import document, versions
from qualification.sla import sweep

SEED = 20261123
DAYS = 60
# The last of them are still in the queue when somebody looks.
OPEN_SHARE = 6
OPEN_AT_MOST = 54

Progress = Callable[[int, int], None]


def seed(*, leads: int, now: dt.datetime, on_progress: Progress) -> None:
    """Makes people, sources, rules, `leads` inquiries and what was done about them until `now`."""
    draw = random.Random(SEED)
    start = now - dt.timedelta(days=DAYS)
    try:
        at_moment(start)
        workers = make_people()
        sources = make_sources(start)
        make_model(start)
        market, desk = Market(SEED), Desk(workers, draw)
        n_open = min(OPEN_AT_MOST, leads // OPEN_SHARE)
        for number, arrival in enumerate(arrivals(leads - n_open, start, now, draw), start=1):
            work_through(market.inquirer(number), sources, arrival, now, desk)
            on_progress(number, leads)
        for number in range(leads - n_open + 1, leads + 1):
            arrival = now - dt.timedelta(minutes=draw.randint(3, 260))
            write_in(market.inquirer(number), sources, arrival, now)
            on_progress(number, leads)
        at_moment(now)
        sweep.record_due(now=now)
        desk.take_up_some(now)
        proposals.propose_rules(now=now)
    finally:
        at_moment(None)


def at_moment(moment: dt.datetime | None) -> None:
    """Sets the clock of the history triggers for this session; None: the real one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('leadqual.now', %s, false)", [moment.isoformat() if moment else ""]
        )


def make_people() -> Workers:
    """Teams and everybody who logs in."""
    teams = {name: Team.objects.get_or_create(name=name)[0] for name in company.TEAMS}
    made: dict[str, User] = {}
    # Hashed once: the password is the same and printed, and hashing is slow on purpose.
    hashed = make_password(company.PASSWORD)
    for person in company.PEOPLE:
        user = User(
            username=person.username,
            first_name=person.first_name,
            last_name=person.last_name,
            email=f"{person.username}@stackline.example",
            team=teams[person.team],
            time_zone=person.time_zone,
            is_staff=person.role == "admin",
            password=hashed,
        )
        user.save()
        user.groups.add(Group.objects.get(name=person.role))
        made[person.username] = user
    return Workers(made)


def make_sources(now: dt.datetime) -> dict[str, Source]:
    """The ways in, each with its team."""
    return {
        source.name: Source.objects.create(
            name=source.name,
            label=source.label,
            kind=source.kind,
            credential=secrets.token_urlsafe(16),
            secret=secrets.token_urlsafe(24),
            team=Team.objects.get(name=source.team),
            created_at=now,
        )
        for source in company.SOURCES
    }


def make_model(now: dt.datetime) -> None:
    """The first rules, as an admin would have written them."""
    draft = versions.load_draft(document.read_document(company.RULES.encode()), by=None, now=now)
    versions.activate_as_operator(model=draft, now=now)


def arrivals(
    count: int, start: dt.datetime, now: dt.datetime, draw: random.Random
) -> list[dt.datetime]:
    """When the decided ones wrote in: spread over the weeks, in order."""
    whole = (now - dt.timedelta(days=1) - start).total_seconds()
    return sorted(start + dt.timedelta(seconds=draw.random() * whole) for _ in range(count))


def write_in(
    inquirer: Inquirer, sources: dict[str, Source], arrival: dt.datetime, until: dt.datetime
) -> tuple[Lead, dt.datetime]:
    """Delivers the messages of one person up to `until`; returns the lead and the last moment."""
    source, moment, lead = sources[inquirer.source.name], arrival, None
    for step in inquirer.steps:
        at = arrival + dt.timedelta(minutes=step.minutes)
        if at > until:
            break
        moment = at
        at_moment(moment)
        body = json.dumps(inquirer.message(step, at, is_first=lead is None)).encode()
        message, _ = store_message(
            source=source,
            event_key=f"{inquirer.number}-{step.minutes}-{step.type}",
            body=body,
            content_type="application/json",
            now=moment,
        )
        pipeline.process(message.pk, now=moment)
        lead = InboxMessage.objects.select_related("lead").get(pk=message.pk).lead
    if lead is None:
        raise RuntimeError(f"person {inquirer.number} of the demo did not become a lead")
    return lead, moment


def work_through(
    inquirer: Inquirer,
    sources: dict[str, Source],
    arrival: dt.datetime,
    now: dt.datetime,
    desk: Desk,
) -> None:
    """One person from the first message to the decision, if the score brought them to the queue."""
    lead, moment = write_in(inquirer, sources, arrival, now)
    item = ReviewItem.objects.filter(lead=lead, state=ItemState.WAITING).first()
    if item is None:
        return
    picked_up = item.entered_at + desk.delay(item)
    at_moment(max(picked_up, moment))
    desk.work(item, inquirer, max(picked_up, moment), now)
