"""Decides which rejection reason is suggested first, from what the SDR already said.

Pure. Called by the reject dialog; a suggestion is marked, and chosen by a person.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from qualification.choices import AnswerState, DisputeKind
from qualification.models import ScoreDispute
from qualification.review.checklists import Checklist


@dataclass(frozen=True)
class Suggestion:
    """The key of a reason and the sentence that says why it is suggested."""

    reason_key: str
    why: str | Promise


# What a disputed rule reads → the reason it points to.
BY_SUBJECT = (
    ("employees", "too_small"),
    ("revenue", "too_small"),
    ("industry", "wrong_industry"),
    ("country", "region_not_served"),
    ("title", "weak_title"),
    ("seniority", "weak_title"),
    ("email", "wrong_contact"),
    ("phone", "wrong_contact"),
)
BY_ANSWER = (
    ("pain", "no_problem"),
    ("budget", "no_funds"),
    ("authority", "no_buying_role"),
    ("timing", "no_project"),
)


def suggested_reason(
    disputes: Iterable[ScoreDispute], checklist: Checklist, *, attempts: int, wanted: int
) -> Suggestion | None:
    """The reason that fits best: contradicted answers, then flagged lines, then attempts made."""
    for key, reason in BY_ANSWER:
        question = checklist.question(key)
        if question is not None and question.state == AnswerState.CONTRADICTED:
            return Suggestion(reason, _("Suggested because an answer was contradicted."))
    for dispute in disputes:
        found = _of_dispute(dispute)
        if found:
            return Suggestion(found, _("Suggested because you flagged a score line."))
    if attempts >= wanted:
        return Suggestion("unreachable", _("Suggested because of the attempts made."))
    return None


def _of_dispute(dispute: ScoreDispute) -> str:
    if dispute.kind == DisputeKind.BOT:
        return "fake_contact"
    if dispute.kind == DisputeKind.STALE:
        return ""
    condition = json.dumps(dispute.rule.condition)
    return next((reason for word, reason in BY_SUBJECT if word in condition), "")
