"""Passes of the sweep over many held leads: in vain, and when some of them find a place."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

# What a pass may take of its five seconds, however many leads are held.
LIMIT_MS = 2_500.0
PEOPLE, RULES, AT_ONCE = 20, 10, 500
LEADS = """
    INSERT INTO crm_lead (team_id, first_name, last_name, company_name, email, email_key,
        email_kind, phone, title, seniority, department, country, city, channel, campaign, topic,
        source_id, opted_out, attributes, stage, stage_at, disqualified_by, received_at, created_at,
        updated_at, version)
    SELECT %(team)s, 'Ana', 'Lund ' || n, '', 'lead' || n || '@bench.example',
        'lead' || n || '@bench.example', 'corporate', '', '', '', '', '', '', 'web', '',
        'topic ' || n %% %(rules)s, %(source)s, false, '{}', 'new', %(now)s, '', %(now)s, %(now)s,
        %(now)s, 1
    FROM generate_series(1, %(held)s) AS n
"""


@dataclass(frozen=True)
class Passes:
    """Milliseconds of passes in vain, sorted; then seconds and number of those that moved."""

    in_vain: list[float]
    processor: list[float]
    moved_s: float
    n_moving: int


def fill(held: int, now: datetime) -> None:
    """Leads that came through the door of the queue while everybody of their pool was full."""
    from django.contrib.auth.models import Group
    from django.db import connection

    from crm.models import Lead, Source, Team, User
    from qualification.choices import EntryReason
    from qualification.models import PoolMember, RoutingPool, RoutingRule, WorkProfile
    from qualification.review.queue import enter_queue

    team = Team.objects.create(name="Bench")
    pool = RoutingPool.objects.create(name="Bench", team=team)
    people = [User.objects.create(username=f"sdr{n}", team=team) for n in range(PEOPLE)]
    for person in people:
        person.groups.add(Group.objects.get(name="sdr"))
        PoolMember.objects.create(pool=pool, person=person)
        WorkProfile.objects.create(person=person, capacity=0)
    for n in range(RULES):
        asked = {"subject": "lead.topic", "op": "is", "value": f"topic {n}"}
        RoutingRule.objects.create(
            position=n + 1, name=f"Topic {n}", condition=asked, team=team, pool=pool
        )
    source = Source.objects.create(
        name="bench", kind="file", credential="bench", team=team, created_at=now
    )
    values = {"team": team.pk, "source": source.pk, "held": held, "rules": RULES, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(LEADS, values)
    ids = list(Lead.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, held, AT_ONCE):
        enter_queue(ids[start : start + AT_ONCE], reason=EntryReason.THRESHOLD, now=now)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def one_pass(now: datetime) -> int:
    """What a pass does for what is held; how many leads moved."""
    from qualification.review import holds, routed

    return holds.refresh_holds(now=now) + routed.refresh_assignments(now=now)


def run(passes: int, places: int, now: datetime) -> Passes:
    """`passes` while everybody is full, then as many as move leads to `places` that came free."""
    from qualification.models import WorkProfile

    one_pass(now)  # opens the connection's plans, as a sweeper that has run for a while
    in_vain, processor = [], []
    for _ in range(passes):
        began, used = time.perf_counter(), time.process_time()
        if one_pass(now):
            raise RuntimeError("a lead moved although everybody is full")
        processor.append((time.process_time() - used) * 1000)
        in_vain.append((time.perf_counter() - began) * 1000)
    for number, profile in enumerate(WorkProfile.objects.order_by("pk")):
        profile.capacity = places // PEOPLE + (number < places % PEOPLE)
        profile.save(update_fields=["capacity"])
    began, n_moving = time.perf_counter(), 0
    while one_pass(now + timedelta(seconds=n_moving)):
        n_moving += 1
    moved_s = time.perf_counter() - began
    return Passes(sorted(in_vain), sorted(processor), moved_s, n_moving)


def counted(held: int, places: int) -> tuple[int, int]:
    """(doubled, lost) by the rows alone: leads beyond what somebody takes, and leads that wait
    although there is a place."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(greatest(n - capacity, 0)), 0), coalesce(sum(n), 0)"
            " FROM (SELECT p.capacity, count(i.id) AS n FROM qualification_workprofile AS p"
            " LEFT JOIN qualification_reviewitem AS i ON i.assignee_id = p.person_id"
            " AND i.state = 'waiting' GROUP BY p.id) AS of_person"
        )
        beyond, given = (int(n) for n in cursor.fetchone())
    return beyond, min(held, places) - given


def measure(held: int, places: int, passes: int, now: datetime) -> str:
    """The whole run; its last line."""
    fill(held, now)
    found = run(passes, places, now)
    doubled, lost = counted(held, places)
    p50, p95, p99 = (found.in_vain[int(passes * share)] for share in (0.5, 0.95, 0.99))
    return (
        f"ratio={p50 / LIMIT_MS:.2f} doubled={doubled} lost={lost}"
        f" p50={p50:.1f} p95={p95:.1f} p99={p99:.1f}"
        f" cpu_p50={found.processor[passes // 2]:.1f}"
        f" held={held} places={places} moved_s={found.moved_s:.2f} moving={found.n_moving}"
    )
