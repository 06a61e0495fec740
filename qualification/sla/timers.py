"""Clocks of an item: when they start, warn, fall due, stop. For review, handoff and the sweep.

A breach is a fact at its due time: whoever ends a clock first writes down what fell due before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction

from qualification.choices import Bucket, ItemState, TierRank, TimerKind, TimerState
from qualification.models import ReviewItem, SLAPolicy, SLATimer

# A breach stays on top of the queue this long; then the manager has it and fresh leads go first.
URGENT_AFTER_DUE = timedelta(hours=24)
LIVE = (TimerState.RUNNING, TimerState.PAUSED)

# The bucket of an item by its clock `t` at %(now)s, and when the sweep must look again.
BUCKET_SQL = f"""
    CASE WHEN t.state = 'paused' THEN {Bucket.PAUSED.value}
         WHEN t.warn_at <= %(now)s AND %(now)s < t.due_at + %(urgent)s THEN {Bucket.URGENT.value}
         ELSE {Bucket.RUNNING.value} END
"""
NEXT_AT_SQL = """
    CASE WHEN %(now)s < t.warn_at THEN t.warn_at
         WHEN %(now)s < t.due_at THEN t.due_at
         WHEN %(now)s < t.due_at + %(urgent)s THEN t.due_at + %(urgent)s END
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


@transaction.atomic
def start_timer(*, item: ReviewItem, kind: TimerKind, now: datetime) -> SLATimer:
    """The running clock of this kind; one that runs already keeps its times. Times come from the
    tier the item has now. An open item then shows this clock (`due_at`, `bucket`)."""
    timer = SLATimer.objects.filter(item=item, kind=kind, state__in=LIVE).first()
    if timer is None:
        policy = policies(kind)[item.tier_rank]
        due_at = now + timedelta(minutes=policy.minutes)
        warn_at = due_at - timedelta(minutes=policy.warn_minutes)
        timer = SLATimer.objects.create(
            lead_id=item.lead_id,
            item=item,
            kind=kind,
            started_at=now,
            warn_at=warn_at,
            due_at=due_at,
            next_at=warn_at,
        )
    if item.state != ItemState.CLOSED:
        show_clocks([item.pk], now=now)
        item.refresh_from_db(fields=["due_at", "bucket"])
    return timer


def start_first_responses(item_ids: Sequence[int], *, now: datetime) -> None:
    """First-response clocks of items that just entered, due when the item says."""
    warn_minutes = [policy.warn_minutes for policy in policies(TimerKind.FIRST_RESPONSE)]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO qualification_slatimer
                (lead_id, item_id, kind, state, started_at, warn_at, due_at, next_at)
            SELECT lead_id, id, 'first_response', 'running', %(now)s, warn_at, due_at, warn_at
            FROM (
                SELECT *, due_at - (%(warn)s::int[])[tier_rank + 1] * interval '1 minute' AS warn_at
                FROM qualification_reviewitem WHERE id = ANY(%(ids)s)
            ) AS entered
            """,
            {"now": now, "warn": warn_minutes, "ids": list(item_ids)},
        )
    show_clocks(item_ids, now=now)


def show_clocks(item_ids: Collection[int], *, now: datetime) -> None:
    """Copies due time and bucket of the live clock onto open items: they are part of the rank."""
    parameters: dict[str, Any] = {"ids": list(item_ids), "now": now, "urgent": URGENT_AFTER_DUE}
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
