"""Decides what a condition outside of scoring may say: who somebody is, not what they did.
Called by routing and by the rules that choose checklists; the language is that of scoring."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import connection

from qualification.exceptions import ModelInvalid
from qualification.scoring.compile import leads_now, which_hold
from qualification.scoring.conditions import (
    ActivityTest,
    AllOf,
    Condition,
    NoActivityTest,
    parse_when,
)
from qualification.scoring.declared import check_types, used_types
from qualification.scoring.subjects import Catalogue

EVERY_LEAD = AllOf(())


def plain_condition(raw: object) -> Condition:
    """The condition of a `when`; {} holds for every lead. Raises ModelInvalid with where and
    why."""
    if raw == {}:
        return EVERY_LEAD
    found = parse_when(raw)
    if isinstance(found, ActivityTest | NoActivityTest):
        raise ModelInvalid("it looks at who somebody is, not at activities")
    return found


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
