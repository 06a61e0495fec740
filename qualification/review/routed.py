"""Writes what routing decided onto the items of the queue, and asks it again: when somebody gives a
lead back, when the person chosen is gone, when a pool has people again.

Called by the queue, by `release_item` and by the sweep. Routing itself is in `routing/assign.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import connection, transaction

from crm.models import Team, User
from qualification.models import PoolMember, ReviewItem, RoutingPool
from qualification.review.assigned import tell_assigned
from qualification.review.holds import hold_text, report_held, teams_without_reviewer
from qualification.review.items import log_events
from qualification.routing.assign import Placement, place_leads, record_assignments
from qualification.routing.eligibility import staff_of
from qualification.routing.rules import active_rules

# At most this many leads of a pool, or of people who are gone, in one pass of the sweep.
PASS = 500


def write_placements(
    placed: Mapping[int, Placement], *, item_ids: Collection[int], now: datetime
) -> None:
    """The waiting items of placed leads get their team, person or pool; why is written down."""
    if not placed:
        return
    items = ReviewItem.objects.waiting().filter(pk__in=item_ids, lead__in=placed)
    item_of_lead = dict(items.values_list("lead", "pk"))
    held = teams_without_reviewer()
    alike: dict[tuple[int, int | None, int | None, str], list[int]] = defaultdict(list)
    for lead_id, pk in item_of_lead.items():
        place = placed[lead_id]
        pool_id = place.pool.pk if place.pool else None
        is_for_team = place.person_id is None and pool_id is None
        reason = hold_text() if is_for_team and place.team.pk in held else place.hold_reason
        alike[place.team.pk, place.person_id, pool_id, reason].append(pk)
    for (team_id, person_id, pool_id, reason), ids in alike.items():
        ReviewItem.objects.filter(pk__in=ids).update(
            team=team_id, assignee=person_id, pool=pool_id, hold_reason=reason
        )
    record_assignments(list(placed.values()), item_of_lead=item_of_lead, now=now)
    _log_assigned(placed, item_of_lead, now)


def _log_assigned(
    placed: Mapping[int, Placement], item_of_lead: Mapping[int, int], now: datetime
) -> None:
    of_person: dict[int, list[int]] = defaultdict(list)
    for lead_id, pk in item_of_lead.items():
        person_id = placed[lead_id].person_id
        if person_id is not None:
            of_person[person_id].append(pk)
    for person in User.objects.filter(pk__in=of_person):
        ids = of_person[person.pk]
        log_events(item_ids=ids, verb="item:assigned", by=None, now=now, note=f"→ {person}")
    lead_of = {item: lead for lead, item in item_of_lead.items()}
    given = {person: [(pk, lead_of[pk]) for pk in ids] for person, ids in of_person.items()}
    tell_assigned(given, now=now)


def pass_on(item: ReviewItem, *, gave_back: User, now: datetime) -> None:
    """Somebody released a lead meant for them: it goes to the next one, never back to them.

    On a locked, waiting item.
    """
    if item.assignee_id != gave_back.pk:
        return
    placed = place_leads([item.lead_id], now=now, gave_back={item.lead_id: gave_back.pk})
    _settle([(item.pk, item.lead_id)], placed, now)


def refresh_assignments(*, now: datetime) -> int:
    """Routes again what waits for somebody who is gone, and what is held for a pool that has people
    again; returns how many leads moved. Any number of sweepers may run it."""
    moved = 0
    for ids in (_meant_for_the_gone(now), _held_for_nobody(now)):
        if ids:
            moved += _route_again(ids, now)
    return moved


def _meant_for_the_gone(now: datetime) -> list[int]:
    waiting = ReviewItem.objects.waiting().filter(assignee__isnull=False)
    people: dict[int, list[int]] = defaultdict(list)
    for person_id, team_id in waiting.order_by().values_list("assignee", "team").distinct():
        people[team_id].append(person_id)
    staff = staff_of({person for of_team in people.values() for person in of_team}, now=now)
    found: list[int] = []
    for team in Team.objects.filter(pk__in=people):
        gone = [pk for pk in people[team.pk] if staff.why_gone(pk, team=team)]
        theirs = waiting.filter(team=team, assignee__in=gone).ranked()
        found += theirs.values_list("pk", flat=True)[:PASS]
    return found


def _held_for_nobody(now: datetime) -> list[int]:
    """What is held for pools of which somebody is there now; all of it once no rule is left."""
    held = ReviewItem.objects.waiting().filter(assignee=None, pool__isnull=False).ranked()
    pools = set(held.order_by().values_list("pool", flat=True).distinct())
    if not pools:
        return []
    if not active_rules():
        return list(held.values_list("pk", flat=True)[:PASS])
    return [
        pk
        for pool_id in _with_somebody(pools, now)
        for pk in held.filter(pool=pool_id).values_list("pk", flat=True)[:PASS]
    ]


def _with_somebody(pool_ids: Collection[int], now: datetime) -> list[int]:
    members: dict[int, list[int]] = defaultdict(list)
    for pool_id, person_id in PoolMember.objects.filter(pool__in=pool_ids).values_list(
        "pool", "person"
    ):
        members[pool_id].append(person_id)
    staff = staff_of({person for of_pool in members.values() for person in of_pool}, now=now)
    return [
        pool.pk
        for pool in RoutingPool.objects.filter(pk__in=members).select_related("team")
        if not all(staff.why_not(pk, team=pool.team, skills=()) for pk in members[pool.pk])
    ]


@transaction.atomic
def _route_again(item_ids: Collection[int], now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT i.id, i.lead_id
            FROM qualification_reviewitem AS i JOIN crm_lead AS l ON l.id = i.lead_id
            WHERE i.id = ANY(%s) AND i.state = 'waiting'
              AND (i.assignee_id IS NOT NULL OR i.pool_id IS NOT NULL)
            ORDER BY l.id FOR NO KEY UPDATE OF l, i SKIP LOCKED
            """,
            [list(item_ids)],
        )
        rows = cursor.fetchall()
    placed = place_leads([lead_id for _, lead_id in rows], now=now)
    return _settle(rows, placed, now)


def _settle(
    rows: Collection[tuple[int, int]], placed: Mapping[int, Placement], now: datetime
) -> int:
    """Writes placements of (item, lead) anew, where they are another one than before; without a
    placement the lead is for anybody of its team. Returns how many changed."""
    before = {
        lead: (assignee, pool)
        for lead, assignee, pool in ReviewItem.objects.filter(
            pk__in=[item for item, _ in rows]
        ).values_list("lead", "assignee", "pool")
    }
    freed = [item for item, lead in rows if lead not in placed]
    ReviewItem.objects.filter(pk__in=freed).update(assignee=None, pool=None, hold_reason="")
    changed = {
        lead: place
        for lead, place in placed.items()
        if before.get(lead) != (place.person_id, place.pool.pk if place.pool else None)
    }
    ids = [item for item, lead in rows if lead in changed]
    write_placements(changed, item_ids=ids, now=now)
    report_held(ids, now=now)
    return len(freed) + len(ids)
