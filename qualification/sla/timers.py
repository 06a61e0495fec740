"""Clocks of an item: when they start, warn, fall due, stop. For review, handoff and the sweep.

A breach is a fact at its due time: whoever ends a clock first writes down what fell due before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction

from qualification.choices import Bucket, ItemState, TierRank, TimerKind, TimerState
from qualification.models import ReviewItem, SLAPolicy, SLATimer
from qualification.sla.business_time import moment_after, open_day
from qualification.sla.calendars import Calendar
from qualification.sla.hours import hours_of_teams

LIVE = (TimerState.RUNNING, TimerState.PAUSED)

# The bucket of an item by its clock `t` at %(now)s, and when the sweep must look again.
BUCKET_SQL = f"""
    CASE WHEN t.state = 'paused' THEN {Bucket.PAUSED.value}
         WHEN t.warn_at <= %(now)s AND %(now)s < t.urgent_until THEN {Bucket.URGENT.value}
         ELSE {Bucket.RUNNING.value} END
"""
NEXT_AT_SQL = """
    CASE WHEN %(now)s < t.warn_at THEN t.warn_at
         WHEN %(now)s < t.due_at THEN t.due_at
         WHEN %(now)s < t.urgent_until THEN t.urgent_until END
"""


def policies(kind: str) -> list[SLAPolicy]:
    """The policy of each tier, in the order of TierRank (hot first, no tier last).

    Raises ImproperlyConfigured when a tier has no row and there is none for all tiers.
    """
    rows = {row.tier: row for row in SLAPolicy.objects.filter(kind=kind)}
    names = ["" if rank is TierRank.NONE else rank.name.lower() for rank in TierRank]
    found = [rows.get(name) or rows.get("") for name in names]
    if None in found:
        missing = names[found.index(None)] or "any tier"
        raise ImproperlyConfigured(
            f"No SLA policy for “{kind}” and {missing}: add one without a tier in the admin."
        )
    return [row for row in found if row is not None]


def policy_for(kind: str, tier: str) -> SLAPolicy:
    """The policy of one tier (blank: no tier). Raises ImproperlyConfigured when there is none."""
    return policies(kind)[rank_of(tier)]


def rank_of(tier: str) -> TierRank:
    """Where a tier sorts; blank is last."""
    return TierRank[tier.upper()] if tier else TierRank.NONE


@dataclass(frozen=True, slots=True)
class ClockTimes:
    """When a clock warns, falls due, and stops burning: one open day after it was due."""

    warn_at: datetime
    due_at: datetime
    urgent_until: datetime


def clock_times(
    calendar: Calendar, start: datetime, *, allowed: timedelta, warn: timedelta
) -> ClockTimes:
    """The times of a clock that may take `allowed` open time and warns `warn` before its end.

    Raises BusinessTimeInvalid when nothing falls due within ten years.
    """
    due_at = moment_after(calendar, start, allowed)
    return ClockTimes(
        warn_at=moment_after(calendar, start, allowed - warn),
        due_at=due_at,
        urgent_until=moment_after(calendar, due_at, open_day(calendar)),
    )


@transaction.atomic
def start_timer(
    *, item: ReviewItem, kind: TimerKind, now: datetime, team_id: int | None = None
) -> SLATimer:
    """The running clock of this kind; one that runs already keeps its times. Minutes come from the
    tier the item has now, openings from its team (or the one named: who has to answer). An open
    item then shows this clock (`due_at`, `bucket`)."""
    timer = SLATimer.objects.filter(item=item, kind=kind, state__in=LIVE).first()
    if timer is None:
        policy = policies(kind)[item.tier_rank]
        answering = team_id or item.team_id
        hours = hours_of_teams([answering])[answering]
        times = clock_times(
            hours.calendar,
            now,
            allowed=timedelta(minutes=policy.minutes),
            warn=timedelta(minutes=policy.warn_minutes),
        )
        timer = SLATimer.objects.create(
            lead_id=item.lead_id,
            item=item,
            kind=kind,
            started_at=now,
            warn_at=times.warn_at,
            due_at=times.due_at,
            urgent_until=times.urgent_until,
            next_at=times.warn_at,
            calendar_version_id=hours.version_id,
        )
    if item.state != ItemState.CLOSED:
        show_clocks([item.pk], now=now)
        item.refresh_from_db(fields=["due_at", "bucket"])
    return timer


def start_first_responses(item_ids: Sequence[int], *, now: datetime) -> None:
    """First-response clocks of items that just entered. Such an item holds in `due_at` how much
    time it has, as if it were always open; here that is laid on its team's calendar."""
    warn = [timedelta(minutes=policy.warn_minutes) for policy in policies(TimerKind.FIRST_RESPONSE)]
    entered = ReviewItem.objects.filter(pk__in=item_ids)
    items = list(entered.values_list("pk", "team_id", "tier_rank", "due_at"))
    hours = hours_of_teams({team for _pk, team, _tier, _due in items})
    times = {
        (team, tier, due_at): clock_times(
            hours[team].calendar, now, allowed=due_at - now, warn=warn[tier]
        )
        for team, tier, due_at in {row[1:] for row in items}
    }
    _insert_first_responses(
        [(pk, hours[team].version_id, times[team, tier, due]) for pk, team, tier, due in items],
        now=now,
    )
    show_clocks(item_ids, now=now)


def _insert_first_responses(clocks: list[tuple[int, int, ClockTimes]], *, now: datetime) -> None:
    """One clock per (item, calendar version, times), in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO qualification_slatimer (
                lead_id, item_id, kind, state, started_at, warn_at, due_at, urgent_until, next_at,
                calendar_version_id
            )
            SELECT i.lead_id, i.id, 'first_response', 'running', %(now)s,
                   c.warn_at, c.due_at, c.urgent_until, c.warn_at, c.version
            FROM unnest(
                %(items)s::bigint[], %(versions)s::bigint[], %(warns)s::timestamptz[],
                %(dues)s::timestamptz[], %(urgents)s::timestamptz[]
            ) AS c (item, version, warn_at, due_at, urgent_until)
            JOIN qualification_reviewitem AS i ON i.id = c.item
            """,
            {
                "now": now,
                "items": [item for item, _version, _times in clocks],
                "versions": [version for _item, version, _times in clocks],
                "warns": [times.warn_at for _item, _version, times in clocks],
                "dues": [times.due_at for _item, _version, times in clocks],
                "urgents": [times.urgent_until for _item, _version, times in clocks],
            },
        )


def show_clocks(item_ids: Collection[int], *, now: datetime) -> None:
    """Copies due time and bucket of the live clock onto open items: they are part of the rank."""
    parameters: dict[str, Any] = {"ids": list(item_ids), "now": now}
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE qualification_reviewitem AS i SET due_at = t.due_at, bucket = {BUCKET_SQL}
            FROM qualification_slatimer AS t
            WHERE t.item_id = i.id AND t.state IN ('running', 'paused')
              AND i.id = ANY(%(ids)s) AND i.state <> 'closed'
              AND (i.due_at, i.bucket) IS DISTINCT FROM (t.due_at, {BUCKET_SQL})
            """,  # noqa: S608 - constants of this module
            parameters,
        )


def stop_timers(
    *, item: ReviewItem, now: datetime, kinds: Collection[TimerKind] | None = None
) -> int:
    """Stops the item's live clocks (of these kinds): it happened. Returns how many."""
    return end_timers([item.pk], to=TimerState.STOPPED, now=now, kinds=kinds)


def cancel_timers(*, item: ReviewItem, now: datetime) -> int:
    """Cancels the item's live clocks: nobody waits any more. Returns how many."""
    return end_timers([item.pk], to=TimerState.CANCELLED, now=now)


@transaction.atomic
def end_timers(
    item_ids: Collection[int],
    *,
    to: TimerState,
    now: datetime,
    kinds: Collection[TimerKind] | None = None,
) -> int:
    """Stops or cancels the live clocks of many items; what fell due before stands as an event."""
    live = SLATimer.objects.filter(item__in=item_ids, state__in=LIVE)
    if kinds is not None:
        live = live.filter(kind__in=kinds)
    ids = list(
        live.select_for_update(no_key=True).order_by("item_id", "id").values_list("pk", flat=True)
    )
    record_events(ids, now=now)
    return SLATimer.objects.filter(pk__in=ids).update(state=to, stopped_at=now, next_at=None)


def record_events(timer_ids: Collection[int], *, now: datetime) -> int:
    """Writes the warnings and breaches of these running clocks that fell due by `now`, each stamped
    with its own time and once for ever. Returns how many are new."""
    if not timer_ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO qualification_slaevent (timer_id, level, at, recorded_at)
            SELECT t.id, due.level, due.at, %(now)s
            FROM qualification_slatimer AS t
            CROSS JOIN LATERAL
                (VALUES ('warning', t.warn_at), ('breach', t.due_at)) AS due (level, at)
            WHERE t.id = ANY(%(ids)s) AND t.state = 'running' AND due.at <= %(now)s
            ORDER BY t.id, due.at
            ON CONFLICT (timer_id, level) DO NOTHING
            """,
            {"ids": list(timer_ids), "now": now},
        )
        written: int = cursor.rowcount
    return written
