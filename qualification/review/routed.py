"""Writes what routing decided onto the items of the queue, and asks it again: when somebody gives a
lead back, when the person chosen is gone, when what is held could go on.

Called by the queue, by `release_item` and by the sweep. Routing itself is in `routing/assign.py`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from django.db import connection

from crm.models import Team, User
from qualification.models import ReviewItem
from qualification.models.review import ReviewItemQuerySet
from qualification.neighbours import do_due, each
from qualification.review.assigned import tell_assigned
from qualification.review.holds import (
    HELD,
    TILL_OPEN,
    hold_text,
    report_held,
    teams_without_reviewer,
    unreported,
)
from qualification.review.items import log_events
from qualification.routing.assign import Placement, place_leads, record_assignments, try_leads
from qualification.routing.before import FRESH, Before, Freed, Hold, before_of, freed_by
from qualification.routing.eligibility import staff_of
from qualification.routing.rules import active_rules

# At most this many leads of a team, or that are held, are routed again in one pass of the sweep,
# out of at most this many that are looked at.
PASS, LOOK = 500, 5000


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
    earlier = before_of([item.pk]).get(item.lead_id, FRESH)
    before = {item.lead_id: earlier.given_back_by(gave_back.pk)}
    placed = place_leads([item.lead_id], now=now, before=before)
    _settle([(item.pk, item.lead_id)], placed, before, now)


def refresh_assignments(*, now: datetime) -> int:
    """Routes again what waits for somebody who is gone, and what is held and could go on; returns
    how many leads moved.

    What could go on is found by trying, so that it does not matter what changed: rules, leave,
    shifts, room, skills, people of a pool, the lead itself. Any number of sweepers may run it.
    """

    def again(found: Callable[[datetime], list[int]]) -> int:
        return do_due(found(now), partial(_route_again, now=now), what="assignment", batch=LOOK)

    return each(partial(again, _meant_for_the_gone), partial(again, _held_that_can_go_on))


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


def _held_that_can_go_on(now: datetime) -> list[int]:
    """The best of what is held and would go elsewhere now, or is held longer than the night."""
    held = _held().ranked()
    if not active_rules():
        return list(held.filter(pool__isnull=False).values_list("pk", flat=True)[:PASS])
    rows = list(held.values_list("pk", "lead", "team", "pool")[_window(held.count())])
    before = before_of([pk for pk, *_ in rows])
    tried = try_leads([lead for _, lead, *_ in rows], now=now, before=before)
    late = set(
        unreported(held.filter(pool__isnull=False, pk__in=[row[0] for row in rows]), now=now)
    )
    going, kept = set(), set()
    for pk, lead, *where in rows:
        place = tried.get(lead)
        if place is not None and place.is_kept:
            kept.add(pk)
        elif place is not None and (pk in late or _where(place) != (None, *where)):
            going.add(pk)
    return _together([pk for pk, *_ in rows], going=going, kept=kept)


def _together(ranked: Sequence[int], *, going: Collection[int], kept: Collection[int]) -> list[int]:
    """A pass of what goes on. What is kept for somebody has its turn among the others, so that they
    are shared out together; however much is kept, it stops nothing behind it."""
    moving = [pk for pk in ranked if pk in going][:PASS]
    if not moving:
        return []
    upto = ranked.index(moving[-1]) + 1
    return [pk for pk in ranked[:upto] if pk in going or pk in kept]


def _held() -> ReviewItemQuerySet:
    """What waits and nobody may take: kept for a pool, or of a team nobody works."""
    return ReviewItem.objects.waiting().filter(assignee=None).exclude(hold_reason="")


def _window(count: int) -> slice:
    """Which of so many held leads, by rank, this pass looks at: all, or with very many one stretch
    after the other, however often and by how many sweepers, so that nobody is forgotten."""
    if count <= LOOK:
        return slice(0, LOOK)
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('qualification_held_turn')")
        turn = cursor.fetchone()[0] % math.ceil(count / LOOK)
    return slice(turn * LOOK, (turn + 1) * LOOK)


def _where(place: Placement) -> tuple[int | None, int, int | None]:
    """Person, team and pool."""
    return place.person_id, place.team.pk, place.pool.pk if place.pool else None


def _route_again(item_ids: Collection[int], *, now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT i.id, i.lead_id
            FROM qualification_reviewitem AS i JOIN crm_lead AS l ON l.id = i.lead_id
            WHERE i.id = ANY(%s) AND i.state = 'waiting'
              AND (i.assignee_id IS NOT NULL OR i.pool_id IS NOT NULL OR i.hold_reason <> '')
            ORDER BY l.id FOR NO KEY UPDATE OF l, i SKIP LOCKED
            """,
            [list(item_ids)],
        )
        locked = [pk for pk, _ in cursor.fetchall()]
    ranked = ReviewItem.objects.filter(pk__in=locked).ranked()
    rows = list(ranked.values_list("pk", "lead"))
    before = before_of(locked)
    placed = place_leads([lead for _, lead in rows], now=now, before=before, is_ranked=True)
    return _settle(rows, placed, before, now)


def _settle(
    rows: Collection[tuple[int, int]],
    placed: Mapping[int, Placement],
    before: Mapping[int, Before],
    now: datetime,
) -> int:
    """Writes placements of (item, lead) anew, where they are another one than before; without a
    placement the lead is for anybody of its team. Returns how many changed."""
    items = ReviewItem.objects.filter(pk__in=[item for item, _ in rows])
    was = {item.lead_id: item for item in items}
    freed = [item for item, lead in rows if lead not in placed]
    items.filter(pk__in=freed).update(assignee=None, pool=None, hold_reason="")
    changed = {
        lead: replace(place, freed=_freed(was[lead], place, before.get(lead, FRESH)))
        for lead, place in placed.items()
        if _where(place) != (was[lead].assignee_id, was[lead].team_id, was[lead].pool_id)
    }
    ids = [item for item, lead in rows if lead in changed]
    write_placements(changed, item_ids=ids, now=now)
    kept = [item for item, lead in rows if lead in placed and placed[lead].is_kept]
    still = [item for item, lead in rows if lead not in changed and item not in kept]
    late = unreported(ReviewItem.objects.filter(pk__in=still), now=now)
    report_held([*ids, *late], now=now)
    return len(freed) + len(ids)


def _freed(item: ReviewItem, place: Placement, before: Before) -> Freed | None:
    """Why it goes on, where it was held."""
    if item.assignee_id is not None or not item.hold_reason:
        return None
    hold = before.hold
    if hold is None:  # a team nobody works: no rule held it
        said = item.events.filter(verb__in=[HELD, TILL_OPEN]).order_by("-pk").first()
        hold = Hold(said.at if said else item.entered_at, item.hold_reason)
    return freed_by(hold, place)
