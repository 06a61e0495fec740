"""Decides which SLA policy a lead has: of those that match it, the most specific one.

More conditions win; of as many, a segment before a source, a source before a team, a team before a
tier; then the older policy. Segments are asked through the conditions of scoring, all leads in one
statement. Called by the timers and by the queue.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from crm.models import Lead
from qualification.choices import TierRank
from qualification.exceptions import ModelInvalid
from qualification.models import Segment, SLAPolicy
from qualification.scoring.compile import leads_now, which_hold
from qualification.scoring.conditions import Condition
from qualification.scoring.segments import segment_condition
from qualification.scoring.subjects import Catalogue

logger = logging.getLogger(__name__)

# The segments a lead is in, by lead; only those that policies name.
Memberships = dict[int, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Case:
    """What of a lead decides its policy; `team_id` is who has to answer."""

    lead_id: int
    tier: str
    source_id: int
    team_id: int


def policies_of(cases: Collection[Case], *, kind: str, now: datetime) -> dict[int, SLAPolicy]:
    """The policy of each lead, by lead.

    Raises ImproperlyConfigured when a lead has none: each kind needs one without conditions.
    """
    known = ranked_policies(kind)
    segments = {row.segment.pk: row.segment for row in known if row.segment is not None}
    inside = _memberships([case.lead_id for case in cases], list(segments.values()), now)
    found = {}
    for case in cases:
        held = inside.get(case.lead_id, frozenset())
        policy = next((row for row in known if matches(row, case, held)), None)
        if policy is None:
            raise _missing(kind, case.tier)
        found[case.lead_id] = policy
    return found


def policies_of_leads(
    lead_ids: Collection[int], *, kind: str, now: datetime
) -> dict[int, SLAPolicy]:
    """As `policies_of`, for leads as they stand: their score's tier, their source and team."""
    rows = Lead.objects.filter(pk__in=lead_ids)
    cases = [
        Case(lead_id, tier or "", source_id, team_id)
        for lead_id, tier, source_id, team_id in rows.values_list(
            "pk", "score__tier", "source", "team"
        )
    ]
    return policies_of(cases, kind=kind, now=now)


def ranked_policies(kind: str) -> list[SLAPolicy]:
    """The policies of a kind that are switched on, the most specific first."""
    rows = SLAPolicy.objects.filter(kind=kind, is_active=True)
    return sorted(rows.select_related("source", "segment", "team"), key=_specificity)


def policies_by_tier(kind: str) -> list[SLAPolicy]:
    """What a lead has of which only the tier is known, in the order of TierRank (hot first, no tier
    last): the policies for any source, segment and team. Raises ImproperlyConfigured."""
    plain = [row for row in ranked_policies(kind) if len(row.conditions) <= bool(row.tier)]
    found = []
    for rank in TierRank:
        tier = tier_of(rank)
        policy = next((row for row in plain if row.tier in (tier, "")), None)
        if policy is None:
            raise _missing(kind, tier)
        found.append(policy)
    return found


def tier_of(rank: int) -> str:
    """The tier of a rank, as a score stores it; blank for none."""
    return "" if rank == TierRank.NONE else TierRank(rank).name.lower()


def matches(policy: SLAPolicy, case: Case, segments: Collection[int]) -> bool:
    """Whether a policy holds for a lead that is in these segments."""
    return (
        policy.tier in ("", case.tier)
        and policy.source_id in (None, case.source_id)
        and policy.team_id in (None, case.team_id)
        and (policy.segment_id is None or policy.segment_id in segments)
    )


def _specificity(policy: SLAPolicy) -> tuple[int, bool, bool, bool, bool, int]:
    """Sorts the most specific policy first."""
    return (
        -len(policy.conditions),
        policy.segment_id is None,
        policy.source_id is None,
        policy.team_id is None,
        not policy.tier,
        policy.pk,
    )


def _memberships(
    lead_ids: Collection[int], segments: Sequence[Segment], now: datetime
) -> Memberships:
    if not segments or not lead_ids:
        return {}
    catalogue = Catalogue.load()
    usable: dict[int, Condition] = {}
    for segment in segments:
        condition = _usable_condition(segment)
        if condition is not None:
            usable[segment.pk] = condition
    if not usable:
        return {}
    sql, params = which_hold(list(usable.values()), leads_now(lead_ids, as_of=now), catalogue)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows = cursor.fetchall()
    return {
        lead_id: frozenset(pk for pk, is_in in zip(usable, flags, strict=True) if is_in)
        for lead_id, flags in rows
    }


def _usable_condition(segment: Segment) -> Condition | None:
    """What the segment asks; None, logged, when it asks for what is gone: no lead waits for that,
    the next policy counts."""
    try:
        return segment_condition(segment.query)
    except ModelInvalid:
        logger.exception("sla.segment_unusable segment=%s", segment.pk)
        return None


def _missing(kind: str, tier: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"No SLA policy for “{kind}” and {tier or 'any tier'}: add one without conditions in the"
        " admin."
    )
