"""Decides what a condition outside of scoring may say: who somebody is, not what they did.
Called by routing and by the rules that choose checklists; the language is that of scoring."""

from __future__ import annotations

from qualification.exceptions import ModelInvalid
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
