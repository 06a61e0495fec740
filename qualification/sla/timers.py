"""Clocks of an item: when they start, warn, fall due, stop. For review, handoff and the sweep.

A breach is a fact at its due time: whoever ends a clock first writes down what fell due before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from qualification.choices import ItemState, TimerKind, TimerState
from qualification.models import ReviewItem, SLAPause, SLAPolicy, SLATimer
from qualification.sla.business_time import moment_after, open_day, open_time
from qualification.sla.calendars import Calendar
from qualification.sla.faces import calendars_of_versions
from qualification.sla.hours import hours_of_teams
from qualification.sla.levels import LIVE, record_events, show_clocks
from qualification.sla.pauses import resume_timers
from qualification.sla.policies import Case, policies_of, tier_of


@dataclass(frozen=True, slots=True)
class ClockTimes:
    """When a clock warns, falls due, and stops burning: one open day after it was due; and when its
    breach is escalated."""

    warn_at: datetime
    due_at: datetime
    urgent_until: datetime
    escalate_at: tuple[datetime, ...] = ()


def clock_times(
    calendar: Calendar, start: datetime, *, policy: SLAPolicy, allowed: timedelta | None = None
) -> ClockTimes:
    """The times a policy gives a clock that starts at `start`; `allowed` is the open time it may
    take when that is not the policy's.

    Raises BusinessTimeInvalid when nothing falls due within ten years.
    """
    length = timedelta(minutes=policy.minutes) if allowed is None else allowed
    due_at = moment_after(calendar, start, length)
    warned = max(length - timedelta(minutes=policy.warn_minutes), timedelta(0))
    return ClockTimes(
        warn_at=moment_after(calendar, start, warned),
        due_at=due_at,
        urgent_until=moment_after(calendar, due_at, open_day(calendar)),
        escalate_at=tuple(
            moment_after(calendar, due_at, timedelta(minutes=minutes))
            for minutes in policy.escalate_after
        ),
    )


def times_text(times: Sequence[datetime]) -> str:
    """An array of moments as PostgreSQL reads it from a text: one cell of a list of arrays."""
    return "{" + ",".join(at.isoformat() for at in times) + "}"


@transaction.atomic
def start_timer(
    *,
    item: ReviewItem,
    kind: TimerKind,
    now: datetime,
    team_id: int | None = None,
    allowed: timedelta | None = None,
) -> SLATimer:
    """The running clock of this kind; one that runs already keeps its times. The policy is that of
    the lead with the tier the item has now, openings are those of its team (or the one named: who
    has to answer); `allowed` is the open time it may take where that is not the policy's. An open
    item then shows this clock (`due_at`, `bucket`)."""
    timer = SLATimer.objects.filter(item=item, kind=kind, state__in=LIVE).first()
    if timer is None:
        answering = team_id or item.team_id
        tier = tier_of(item.tier_rank)
        case = Case(item.lead_id, tier, item.lead.source_id, answering)
        policy = policies_of([case], kind=kind, now=now)[item.lead_id]
        hours = hours_of_teams([answering])[answering]
        times = clock_times(hours.calendar, now, policy=policy, allowed=allowed)
        timer = SLATimer.objects.create(
            lead_id=item.lead_id,
            item=item,
            kind=kind,
            started_at=now,
            warn_at=times.warn_at,
            due_at=times.due_at,
            urgent_until=times.urgent_until,
            escalate_at=list(times.escalate_at),
            next_at=times.warn_at,
            calendar_version_id=hours.version_id,
            policy=policy,
        )
    if item.state != ItemState.CLOSED:
        show_clocks([item.pk], now=now)
        item.refresh_from_db(fields=["due_at", "bucket"])
    return timer


# (item, calendar version, policy, times) of a clock to be.
NewClock = tuple[int, int, int, ClockTimes]


def start_first_responses(
    item_ids: Sequence[int], *, policy_of: Mapping[int, SLAPolicy], now: datetime
) -> None:
    """First-response clocks of items that just entered, by the policy of each lead. Such an item
    holds in `due_at` how much time it has, as if it were always open; here that is laid on its
    team's calendar."""
    entered = ReviewItem.objects.filter(pk__in=item_ids)
    items = list(entered.values_list("pk", "lead", "team", "due_at"))
    hours = hours_of_teams({team for _pk, _lead, team, _due in items})
    times: dict[tuple[int, int, datetime], ClockTimes] = {}
    clocks: list[NewClock] = []
    for pk, lead, team, due_at in items:
        policy = policy_of[lead]
        key = team, policy.pk, due_at
        if key not in times:
            calendar = hours[team].calendar
            times[key] = clock_times(calendar, now, policy=policy, allowed=due_at - now)
        clocks.append((pk, hours[team].version_id, policy.pk, times[key]))
    _insert_first_responses(clocks, now=now)
    show_clocks(item_ids, now=now)


def _insert_first_responses(clocks: Sequence[NewClock], *, now: datetime) -> None:
    """All clocks in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO qualification_slatimer (
                lead_id, item_id, kind, state, started_at, warn_at, due_at, urgent_until, next_at,
                escalate_at, calendar_version_id, policy_id
            )
            SELECT i.lead_id, i.id, 'first_response', 'running', %(now)s, c.warn_at, c.due_at,
                   c.urgent_until, c.warn_at, c.escalate_at::timestamptz[], c.version, c.policy
            FROM unnest(
                %(items)s::bigint[], %(versions)s::bigint[], %(policies)s::bigint[],
                %(warns)s::timestamptz[], %(dues)s::timestamptz[], %(urgents)s::timestamptz[],
                %(escalations)s::text[]
            ) AS c (item, version, policy, warn_at, due_at, urgent_until, escalate_at)
            JOIN qualification_reviewitem AS i ON i.id = c.item
            """,
            {
                "now": now,
                "items": [item for item, *_ in clocks],
                "versions": [version for _, version, *_ in clocks],
                "policies": [policy for *_, policy, _ in clocks],
                "warns": [times.warn_at for *_, times in clocks],
                "dues": [times.due_at for *_, times in clocks],
                "urgents": [times.urgent_until for *_, times in clocks],
                "escalations": [times_text(times.escalate_at) for *_, times in clocks],
            },
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
    """Stops or cancels the live clocks of many items; what fell due before stands as an event. One
    that is paused goes on first: what stood still does not count."""
    live = SLATimer.objects.filter(item__in=item_ids, state__in=LIVE)
    if kinds is not None:
        live = live.filter(kind__in=kinds)
    ended = list(live.select_for_update(no_key=True).order_by("item_id", "id"))
    ids = [timer.pk for timer in ended]
    resume_timers(ids, now=now)
    record_events(ids, now=now)
    took = open_seconds(ended, until=now) if to == TimerState.STOPPED else {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE qualification_slatimer AS t
            SET state = %(to)s, stopped_at = %(now)s, next_at = NULL, open_seconds = ended.took
            FROM unnest(%(ids)s::bigint[], %(took)s::integer[]) AS ended (id, took)
            WHERE t.id = ended.id
            """,
            {"to": str(to), "now": now, "ids": ids, "took": [took.get(pk) for pk in ids]},
        )
        return int(cursor.rowcount)


def running(*, looked_at: datetime) -> dict[str, Any]:
    """The columns of a clock that was stopped and runs again with its old times, as undo wants it.
    The sweep looks at it then and finds the next time by itself."""
    return {
        "state": TimerState.RUNNING,
        "stopped_at": None,
        "open_seconds": None,
        "next_at": looked_at,
    }


def open_seconds(timers: Collection[SLATimer], *, until: datetime) -> dict[int, int]:
    """How long each of these clocks ran until that moment in open time, pauses left out."""
    pauses: dict[int, list[SLAPause]] = {timer.pk: [] for timer in timers}
    for pause in SLAPause.objects.filter(timer__in=pauses):
        pauses[pause.timer_id].append(pause)
    calendars = calendars_of_versions({timer.calendar_version_id for timer in timers})

    def ran(timer: SLATimer) -> timedelta:
        calendar = calendars[timer.calendar_version_id]
        stood = (
            open_time(calendar, pause.started_at, pause.ended_at or until)
            for pause in pauses[timer.pk]
        )
        return open_time(calendar, timer.started_at, until) - sum(stood, timedelta(0))

    return {timer.pk: round(ran(timer).total_seconds()) for timer in timers}
