"""Which leads wait in the queue: entry, exit, and the figures they are ranked by. All set-based.

`apply_line` is for the pipeline and the rescore of the active model; others use `enter_queue`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from crm.lifecycle import move_leads
from crm.models import Lead, User
from crm.models.lead import DisqualifiedBy
from crm.stages import Stage
from qualification.choices import (
    CadenceEnd,
    CloseReason,
    EntryReason,
    ItemState,
    ModelStatus,
    TimerKind,
    TimerState,
)
from qualification.exceptions import AlreadyDecided
from qualification.models import LeadScore, NurturePlan, ReviewItem, ScoringModel, SLAPolicy
from qualification.review import guard
from qualification.review.cadence_runs import end_runs
from qualification.review.holds import hold_text, report_held, teams_without_reviewer
from qualification.review.items import lock_leads, log_event, log_events
from qualification.review.routed import write_placements
from qualification.routing.assign import place_leads
from qualification.sla.policies import policies_of_leads
from qualification.sla.timers import end_timers, start_first_responses

# A waiting lead leaves only this far below the line, so that small changes do not make it flap.
LEAVES_BELOW_TENTHS = 50
# How many new leads a team can answer within one policy time; more at once are due later.
TEAM_CAPACITY = 50

# From where each reason may bring a lead into the queue.
ENTERS_FROM: dict[str, tuple[Stage, ...]] = {
    EntryReason.THRESHOLD: (Stage.NEW,),
    EntryReason.EXPLORATION: (Stage.NEW,),
    EntryReason.REINQUIRY: (Stage.DISQUALIFIED, Stage.LOST, Stage.NURTURE),
    EntryReason.RETURNED: (Stage.SQL,),
    EntryReason.WOKEN: (Stage.NURTURE,),
    EntryReason.TAKEN_BACK: (Stage.NURTURE,),
    EntryReason.OVERTURNED: (Stage.DISQUALIFIED,),
    EntryReason.REVERSED: (Stage.SQL, Stage.NURTURE, Stage.DISQUALIFIED),
}
# A person decided these; a disqualifying rule does not stop them at the door.
BY_A_PERSON = (
    EntryReason.RETURNED,
    EntryReason.TAKEN_BACK,
    EntryReason.OVERTURNED,
    EntryReason.REVERSED,
)


@dataclass(frozen=True)
class LineResult:
    """Ids of leads that entered, left below the line, were disqualified by a rule, or are so no
    longer."""

    entered: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    disqualified: list[int] = field(default_factory=list)
    requalified: list[int] = field(default_factory=list)


@transaction.atomic
def apply_line(
    lead_ids: Collection[int], *, model: ScoringModel | None, now: datetime
) -> LineResult:
    """Brings the queue in line with the current scores of these leads under the active `model`.

    A model that is not the active one changes nothing. Only leads that entered by their score leave
    by it; whoever came back by a person or an inquiry waits for a person.
    """
    if model is None:
        return LineResult()
    affected = _affected(lead_ids, model)
    if not affected:
        return LineResult()
    lock_leads(affected)
    disqualified = _disqualify(affected, model, now)
    requalified = _requalify(affected, model, now)
    left = _leave_below_line(affected, model, now)
    entering = _ids(f"{_SCORED} AND {_ENTERS}", affected, model)
    items = enter_queue(entering, reason=EntryReason.THRESHOLD, now=now)
    entered = list(ReviewItem.objects.filter(pk__in=items).values_list("lead_id", flat=True))
    refresh_rank(affected)
    return LineResult(entered, left, disqualified, requalified)


_LIVE = f"""
    SELECT l.id FROM crm_lead AS l
    JOIN qualification_leadscore AS s ON s.lead_id = l.id
    JOIN qualification_scoringmodel AS m ON m.id = s.model_id
        AND m.status = '{ModelStatus.ACTIVE.value}'
    LEFT JOIN qualification_reviewitem AS i ON i.lead_id = l.id AND i.state <> 'closed'
    WHERE l.id = ANY(%(ids)s) AND l.merged_into_id IS NULL
"""  # noqa: S608 - constants of this module
_SCORED = f"{_LIVE} AND m.id = %(model)s"
_PERSONS = ", ".join(f"'{reason.value}'" for reason in BY_A_PERSON)
_TIER_RANK = "coalesce(array_position(ARRAY['hot', 'warm', 'cool', 'cold'], s.tier::text) - 1, 4)"
_DISQUALIFIED = f"""(s.disqualified <> '' AND (l.stage = 'new' OR (
    l.stage = 'mql' AND i.state = 'waiting' AND i.entry_reason NOT IN ({_PERSONS}))))"""
_REQUALIFIED = "(s.disqualified = '' AND l.stage = 'disqualified' AND l.disqualified_by = 'rule')"
# How it ended is known for some: they are history and never queue.
_ENTERS = """(s.disqualified = '' AND l.stage = 'new' AND s.total_tenths >= m.mql * 10
    AND NOT EXISTS (SELECT FROM crm_outcome AS o WHERE o.lead_id = l.id))"""
_BELOW = f"""(l.stage = 'mql' AND i.state = 'waiting' AND i.entry_reason = 'threshold'
    AND s.total_tenths < m.mql * 10 - {LEAVES_BELOW_TENTHS})"""
_RANK_CHANGED = f"""(i.id IS NOT NULL
    AND (i.tier_rank, i.score_tenths, i.team_id)
        IS DISTINCT FROM ({_TIER_RANK}, s.total_tenths, l.team_id))"""


def _ids(sql: str, lead_ids: Collection[int], model: ScoringModel) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"ids": list(lead_ids), "model": model.pk})
        return [row[0] for row in cursor.fetchall()]


def _affected(lead_ids: Collection[int], model: ScoringModel) -> list[int]:
    """Leads for which anything at all would change: only those get locked."""
    any_change = " OR ".join([_DISQUALIFIED, _REQUALIFIED, _ENTERS, _BELOW, _RANK_CHANGED])
    return _ids(f"{_SCORED} AND ({any_change})", lead_ids, model)


def _disqualify(lead_ids: list[int], model: ScoringModel, now: datetime) -> list[int]:
    ids = _ids(f"{_SCORED} AND {_DISQUALIFIED}", lead_ids, model)
    _close_waiting(ids, CloseReason.DISQUALIFIED, now)
    return _disqualify_by_rule(ids, now)


def _disqualify_by_rule(lead_ids: Collection[int], now: datetime) -> list[int]:
    """Moves them out, each with the rule's reason and the version it is of in its history."""
    of_reason: dict[tuple[str, int], list[int]] = defaultdict(list)
    scores = LeadScore.objects.filter(lead__in=lead_ids).order_by("lead")
    for lead_id, reason, version in scores.values_list("lead", "disqualified", "model__version"):
        of_reason[reason, version].append(lead_id)
    moved = []
    for (reason, version), ids in of_reason.items():
        words = _("disqualified by a rule: %(reason)s (version %(version)s)") % {
            "reason": reason.replace("_", " "),
            "version": version,
        }
        moved += move_leads(
            lead_ids=ids,
            to=Stage.DISQUALIFIED,
            reason=words,
            by=None,
            now=now,
            disqualified_by=DisqualifiedBy.RULE,
        )
    return moved


def _requalify(lead_ids: list[int], model: ScoringModel, now: datetime) -> list[int]:
    return move_leads(
        lead_ids=_ids(f"{_SCORED} AND {_REQUALIFIED}", lead_ids, model),
        to=Stage.NEW,
        reason="no rule disqualifies it any longer",
        by=None,
        now=now,
    )


def _leave_below_line(lead_ids: list[int], model: ScoringModel, now: datetime) -> list[int]:
    ids = _ids(f"{_SCORED} AND {_BELOW}", lead_ids, model)
    _close_waiting(ids, CloseReason.BELOW_LINE, now)
    return move_leads(
        lead_ids=ids, to=Stage.NEW, reason="score fell below the line", by=None, now=now
    )


def _close_waiting(lead_ids: Collection[int], reason: CloseReason, now: datetime) -> None:
    """Closes the waiting items of locked leads, with their clocks and an event each."""
    waiting = ReviewItem.objects.waiting().filter(lead__in=lead_ids).select_for_update(no_key=True)
    ids = list(waiting.order_by("pk").values_list("pk", flat=True))
    ReviewItem.objects.filter(pk__in=ids).update(
        state=ItemState.CLOSED, closed_at=now, close_reason=reason
    )
    end_timers(ids, to=TimerState.CANCELLED, now=now)
    log_events(item_ids=ids, verb="item:closed", by=None, now=now, note=str(reason.label))


def line_is_due(lead_ids: Collection[int], *, now: datetime) -> None:
    """These leads came back from their holder: whom the line would not let wait is due for a score,
    and with it for the line. Under the caller's lock of the leads."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO qualification_scoringdue (lead_id, since)
            SELECT due.id, %(now)s FROM ({_LIVE} AND ({_DISQUALIFIED} OR {_BELOW})) AS due (id)
            ORDER BY due.id
            ON CONFLICT (lead_id) DO UPDATE SET since = excluded.since
            """,  # noqa: S608 - constants of this module
            {"ids": list(lead_ids), "now": now},
        )


def refresh_rank(lead_ids: Collection[int]) -> None:
    """Tier, score and team of open items follow the lead; the due time does not move."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE qualification_reviewitem AS i
            SET tier_rank = {_TIER_RANK}, score_tenths = s.total_tenths, team_id = l.team_id
            FROM crm_lead AS l JOIN qualification_leadscore AS s ON s.lead_id = l.id
            WHERE i.lead_id = l.id AND i.state <> 'closed' AND l.id = ANY(%(ids)s)
              AND {_RANK_CHANGED}
            """,  # noqa: S608 - constants of this module
            {"ids": list(lead_ids)},
        )


@transaction.atomic
def enter_queue(
    lead_ids: Collection[int],
    *,
    reason: EntryReason,
    now: datetime,
    note: str = "",
    by: User | None = None,
) -> list[int]:
    """Puts leads into the queue, each with one open item and a first-response clock; the item ids.

    A lead that waits already, or in a stage this reason does not lead from, stays as it is. More
    than a team can answer at once are due later, best first.
    """
    if not lead_ids:
        return []
    locked = lock_leads(lead_ids)
    open_leads = ReviewItem.objects.open().filter(lead__in=locked).values("lead")
    able = Lead.objects.standing().filter(
        pk__in=locked, stage__in=ENTERS_FROM[reason], erased_at=None
    )
    ids = list(able.exclude(pk__in=open_leads).values_list("pk", flat=True))
    if reason not in BY_A_PERSON:
        ids = _turn_away_disqualified(ids, now)
    moved = move_leads(lead_ids=ids, to=Stage.MQL, reason=str(reason.label), by=by, now=now)
    if not moved:
        return []
    _end_waiting(moved, reason, now)
    placed = place_leads(moved, now=now)
    policy_of = policies_of_leads(moved, kind=TimerKind.FIRST_RESPONSE, now=now)
    items = _insert_items(policy_of, reason, now)
    start_first_responses(items, policy_of=policy_of, now=now)
    log_events(item_ids=items, verb="item:entered", by=by, now=now, note=note or str(reason.label))
    write_placements(placed, item_ids=items, now=now)
    report_held(items, now=now)
    return items


def _turn_away_disqualified(lead_ids: list[int], now: datetime) -> list[int]:
    """Drops leads a rule disqualifies: they never queue. From nurture they end as disqualified."""
    refused = Lead.objects.filter(pk__in=lead_ids, score__disqualified__gt="")
    refused_ids = set(refused.values_list("pk", flat=True))
    if refused_ids:
        _end_waiting(refused_ids, EntryReason.WOKEN, now)
        leaving = refused.filter(stage=Stage.NURTURE).values_list("pk", flat=True)
        _disqualify_by_rule(list(leaving), now)
    return [pk for pk in lead_ids if pk not in refused_ids]


def _end_waiting(lead_ids: Collection[int], reason: EntryReason, now: datetime) -> None:
    """A lead that comes back waits for nothing else: neither its plan nor the steps it was in."""
    is_by_hand = reason is EntryReason.TAKEN_BACK
    plans = NurturePlan.objects.waiting().filter(lead__in=lead_ids)
    state = NurturePlan.State.CANCELLED if is_by_hand else NurturePlan.State.WOKEN
    plans.update(state=state, ended_at=now)
    end_runs(lead_ids, end=CadenceEnd.WOKEN, now=now)


def _insert_items(
    policy_of: Mapping[int, SLAPolicy], reason: EntryReason, now: datetime
) -> list[int]:
    """Inserts the items of these leads. Position counts those of the same team that entered at the
    same moment, so that a rescore in chunks spreads like one."""
    held = teams_without_reviewer()
    parameters: dict[str, Any] = {
        "ids": list(policy_of),
        "minutes": [policy.minutes for policy in policy_of.values()],
        "reason": reason.value,
        "now": now,
        "capacity": TEAM_CAPACITY,
        "held": list(held),
        "hold_reason": hold_text(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_ITEMS, parameters)
        return [row[0] for row in cursor.fetchall()]


# `due_at` holds the time allowed until `start_first_responses` lays it on the team's calendar.
_INSERT_ITEMS = f"""
    WITH same_moment AS (
        SELECT team_id, count(*) AS n FROM qualification_reviewitem
        WHERE state <> 'closed' AND entered_at = %(now)s GROUP BY team_id
    ), ranked AS (
        SELECT l.id AS lead_id, l.team_id, {_TIER_RANK} AS tier_rank,
               coalesce(s.total_tenths, 0) AS score_tenths, policy.minutes
        FROM unnest(%(ids)s::bigint[], %(minutes)s::int[]) AS policy (lead_id, minutes)
        JOIN crm_lead AS l ON l.id = policy.lead_id
        LEFT JOIN qualification_leadscore AS s ON s.lead_id = l.id
    ), placed AS (
        SELECT ranked.*, coalesce(same_moment.n, 0) + row_number() OVER (
            PARTITION BY team_id ORDER BY tier_rank, score_tenths DESC, lead_id
        ) AS position
        FROM ranked LEFT JOIN same_moment USING (team_id)
    )
    INSERT INTO qualification_reviewitem (
        lead_id, team_id, state, entry_reason, entered_at, bucket, tier_rank, score_tenths, due_at,
        hold_reason, next_task, token, close_reason
    )
    SELECT lead_id, team_id, 'waiting', %(reason)s, %(now)s, 1, tier_rank, score_tenths,
           %(now)s + minutes * interval '1 minute'
                   * greatest(1, position::float / %(capacity)s),
           CASE WHEN team_id = ANY(%(held)s) THEN %(hold_reason)s ELSE '' END, '', 1, ''
    FROM placed ORDER BY position
    RETURNING id
"""  # noqa: S608 - constants of this module


@transaction.atomic
def close_item(
    *, item: ReviewItem, reason: CloseReason, by: User | None, now: datetime
) -> ReviewItem:
    """Takes an item out of the queue for good and ends its clocks; the caller moves the stage.

    Raises AlreadyDecided when it is closed or changed hands since `item` was read (its token).
    """
    locked = guard.lock_item(item)
    closed = ReviewItem.objects.open().filter(pk=item.pk, token=item.token)
    if not closed.update(
        state=ItemState.CLOSED,
        closed_at=now,
        close_reason=reason,
        lease_until=None,
        token=locked.token + 1,
    ):
        raise AlreadyDecided(_("This lead was decided or changed hands meanwhile."))
    to = TimerState.STOPPED if reason is CloseReason.DECIDED else TimerState.CANCELLED
    end_timers([item.pk], to=to, now=now)
    log_event(item=item, verb="item:closed", by=by, now=now, note=str(reason.label))
    locked.refresh_from_db()
    return locked
