"""Decides what a condition outside of scoring may say: who somebody is, not what they did.
Called by routing and by the rules that choose checklists and destinations; the language is that of
scoring."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db import connection
from django.utils.translation import gettext as _

from qualification.exceptions import ModelInvalid
from qualification.models import Segment
from qualification.scoring.compile import leads_now, which_hold
from qualification.scoring.conditions import (
    ActivityTest,
    AllOf,
    AnyOf,
    Condition,
    NoActivityTest,
    parse_when,
)
from qualification.scoring.declared import check_types, used_types
from qualification.scoring.segments import segment_condition
from qualification.scoring.subjects import Catalogue
from qualification.scoring.wording import asked_words

logger = logging.getLogger(__name__)

EVERY_LEAD = AllOf(())
# A row with a `condition`, and with a `segment` where its kind has one.
Rule = TypeVar("Rule", bound=Any)


def plain_condition(raw: object) -> Condition:
    """The condition of a `when`; {} holds for every lead. Raises ModelInvalid with where and
    why."""
    if raw == {}:
        return EVERY_LEAD
    found = parse_when(raw)
    if isinstance(found, ActivityTest | NoActivityTest):
        raise ModelInvalid("it looks at who somebody is, not at activities")
    return found


def condition_within(segment: Segment | None, raw: object) -> Condition:
    """What must hold together: being in the segment as it is saved now, where one is named, and a
    plain condition. Raises ModelInvalid."""
    condition = plain_condition(raw)
    if segment is None:
        return condition
    inside = segment_condition(segment.query)
    return inside if condition == EVERY_LEAD else AllOf((inside, condition))


def words_within(segment: Segment | None, raw: object, catalogue: Catalogue) -> str:
    """The same in words, such as `DACH and Employees at least 1,000`; why not, where it asks for
    what there is no more."""
    try:
        condition = plain_condition(raw)
        condition_within(segment, raw)
    except ModelInvalid as error:
        return str(error)
    parts = [] if segment is None else [str(segment)]
    if condition != EVERY_LEAD:
        words = asked_words(condition, catalogue.label_of)
        parts.append(f"({words})" if parts and isinstance(condition, AnyOf) else words)
    return _(" and ").join(parts) or _("Every lead")


def checked_condition(raw: object) -> Condition:
    """As `plain_condition`, with the types of its subjects checked against what is declared."""
    found = plain_condition(raw)
    catalogue = Catalogue.load()
    if found != EVERY_LEAD:
        check_types(found, used_types([found], catalogue), catalogue)
    return found


def holding(
    lead_ids: Collection[int], conditions: Sequence[Condition], *, now: datetime
) -> dict[int, list[bool]]:
    """Whether each condition holds for each of these leads as they stand; one statement for all,
    none where every condition is for every lead."""
    asked = [condition for condition in conditions if condition != EVERY_LEAD]
    if not asked:
        return {lead_id: [True] * len(conditions) for lead_id in lead_ids}
    sql, params = which_hold(asked, leads_now(lead_ids, as_of=now), Catalogue.load())
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        answers = dict(cursor.fetchall())
    found = {}
    for lead_id, flags in answers.items():
        remaining = iter(flags)
        found[lead_id] = [c == EVERY_LEAD or next(remaining) for c in conditions]
    return found


def rules_holding(
    lead_ids: Collection[int], rules: Sequence[Rule], *, of: str = "", now: datetime
) -> dict[int, list[Rule]]:
    """Those of the rules that hold for each lead, in their order; one statement. One that asks for
    what there is no more holds for none, and is logged as one `of` routing, say."""
    asked: list[tuple[Rule, Condition]] = []
    for rule in rules:
        try:
            asked.append((rule, condition_within(getattr(rule, "segment", None), rule.condition)))
        except ModelInvalid as error:
            if of:
                logger.warning("%s.rule_unusable rule=%s why=%s", of, rule.pk, error)
    held = holding(lead_ids, [condition for __, condition in asked], now=now)
    return {
        lead_id: [rule for (rule, __), holds in zip(asked, flags, strict=True) if holds]
        for lead_id, flags in held.items()
    }
