"""Drives the doors: people write in, SDRs work, AEs answer, rules are proposed.

Each step happens at its own moment: `now` is passed to every function as always, and the history
triggers see the same moment through `crm_now()`.
"""

from __future__ import annotations

import datetime as dt
import heapq
import json
import random
import secrets
from collections.abc import Callable, Iterator
from decimal import Decimal

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db import connection

from crm.intake.inbox import store_message
from crm.models import InboxMessage, Lead, Source, Team, User
from qualification import pipeline, sweeps
from qualification.choices import ItemState
from qualification.demo import company
from qualification.demo.destinations import make_destinations
from qualification.demo.market import Inquirer, Market, Step
from qualification.demo.materials import make_materials
from qualification.demo.outcomes import tell_daily
from qualification.demo.routing import make_routing
from qualification.demo.work import Desk, Workers
from qualification.feedback import proposals
from qualification.models import ReviewItem
from qualification.review import tallies
from qualification.scoring import document, drafts, versions

SEED = 20261123
DAYS = 60
# A version has been in shadow for so long, with other points for these rules.
SHADOW_FOR = dt.timedelta(hours=30)
SHADOW_POINTS = {"webinar-attended": Decimal(6), "decision-maker": Decimal(14)}
# For so long leads have been given to people by rules.
ROUTING_FOR = dt.timedelta(hours=5)
# The last of them are still in the queue when somebody looks.
OPEN_SHARE = 4
OPEN_AT_MOST = 84
# From picking a lead up to the decision; who comes later than that is still waiting.
LONGEST_WORK = dt.timedelta(minutes=30)

Progress = Callable[[int, int], None]
# What somebody lives through: says when the next thing is, and does it when asked on.
Life = Iterator[dt.datetime]


def seed(*, leads: int, now: dt.datetime, on_progress: Progress) -> None:
    """Makes people, sources, rules, `leads` inquiries and what was done about them until `now`."""
    draw = random.Random(SEED)  # noqa: S311
    start = now - dt.timedelta(days=DAYS)
    try:
        at_moment(start)
        workers = make_people()
        sources = make_sources(start)
        make_model(start)
        make_destinations()
        make_materials()
        market, desk = Market(SEED), Desk(workers, draw)
        lives = [at_last(now - SHADOW_FOR, lambda at: make_shadow(workers, at))]
        lives.append(at_last(now - ROUTING_FOR, lambda at: make_routing(workers.by_name)))
        n_open = min(OPEN_AT_MOST, leads // OPEN_SHARE)
        for arrival in arrivals(leads - n_open, start, now, draw):
            lives.append(live_through(market.inquirer(len(lives)), sources, arrival, now, desk))
        for _ in range(n_open):
            # Mostly the last hour: somebody works this queue.
            arrival = now - dt.timedelta(minutes=1 + min(300, draw.expovariate(1 / 28)))
            lives.append(live_through(market.inquirer(len(lives)), sources, arrival, now, None))
        lives.append(tell_daily(start, now))
        live(lives, on_progress=on_progress)
        at_moment(now)
        desk.hand_over_some(now)
        catch_up(now)
        desk.take_up_some(now)
        proposals.propose_rules(now=now)
        tallies.learn_tallies(now=now)
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
    draft = drafts.load_draft(document.read_file(company.RULES), by=None, now=now)
    versions.activate_as_operator(model=draft, now=now)


def make_shadow(workers: Workers, now: dt.datetime) -> None:
    """An admin's draft in shadow since then; another admin may publish it by today."""
    active = versions.active_model()
    if active is None:
        return
    dana = workers.by_name["dana"]
    draft = drafts.copy_to_draft(model=active, by=dana, now=now)
    for key, points in SHADOW_POINTS.items():
        drafts.change_points(draft=draft, rule_key=key, points=points, by=dana, now=now)
    versions.start_shadow(model=draft, by=workers.by_name["kenji"], now=now)


def arrivals(
    count: int, start: dt.datetime, now: dt.datetime, draw: random.Random
) -> list[dt.datetime]:
    """When the decided ones wrote in, in order: spread over the weeks, every tenth this morning."""
    whole = (now - dt.timedelta(days=1) - start).total_seconds()
    n_today = count // 10
    earlier = [start + dt.timedelta(seconds=draw.random() * whole) for _ in range(count - n_today)]
    today = [now - dt.timedelta(minutes=draw.randint(70, 300)) for _ in range(n_today)]
    return sorted(earlier + today)


def write_in(inquirer: Inquirer, step: Step, sources: dict[str, Source], at: dt.datetime) -> Lead:
    """Delivers one message at its moment; returns the lead it became."""
    body = inquirer.message(step, at, is_first=step is inquirer.steps[0])
    message, _ = store_message(
        source=sources[inquirer.source.name],
        event_key=body["event_id"],
        body=json.dumps(body).encode(),
        content_type="application/json",
        now=at,
    )
    pipeline.process(message.pk, now=at)
    lead = InboxMessage.objects.select_related("lead").get(pk=message.pk).lead
    if lead is None:
        raise RuntimeError(f"person {inquirer.number} of the demo did not become a lead")
    return lead


def catch_up(now: dt.datetime) -> None:
    """What the sweeps would have done all along, until nothing is left to do."""
    while any(sweeps.run_all(now=now).values()):
        pass


def live(lives: list[Life], *, on_progress: Progress) -> None:
    """Lets everything happen in the order of time, whoever it happens to."""
    waiting = [(next(life), number, life) for number, life in enumerate(lives)]
    heapq.heapify(waiting)
    seen: set[int] = set()
    while waiting:
        at, number, life = heapq.heappop(waiting)
        at_moment(at)
        if number not in seen:
            seen.add(number)
            on_progress(len(seen), len(lives))
        upcoming = next(life, None)
        if upcoming is not None:
            heapq.heappush(waiting, (upcoming, number, life))


def at_last(moment: dt.datetime, act: Callable[[dt.datetime], None]) -> Life:
    """Something that happens once."""
    yield moment
    act(moment)


def live_through(
    inquirer: Inquirer,
    sources: dict[str, Source],
    arrival: dt.datetime,
    now: dt.datetime,
    desk: Desk | None,
) -> Life:
    """One person, message by message.

    Once the score brought them to the queue, `desk` takes them up after a while (None: nobody has
    got to it yet); what they do after that is not told.
    """
    picked_up: dt.datetime | None = None
    item: ReviewItem | None = None
    for step in inquirer.steps:
        at = arrival + dt.timedelta(minutes=step.minutes)
        if at > min(picked_up or now, now):
            break
        yield at
        lead = write_in(inquirer, step, sources, at)
        if item is None and desk is not None:
            item = ReviewItem.objects.filter(lead=lead, state=ItemState.WAITING).first()
            picked_up = item.entered_at + desk.delay(item) if item else None
    if item is None or picked_up is None or desk is None or picked_up + LONGEST_WORK >= now:
        return
    yield picked_up
    yield from desk.work(item, inquirer, picked_up, now)
