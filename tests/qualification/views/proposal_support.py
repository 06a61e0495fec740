"""Decisions that make one rule look worse than written, and the proposals that follow."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils import timezone

from crm.models import User
from qualification.feedback.proposals import propose_rules
from qualification.models import RuleProposal, ScoringModel
from tests.qualification import feedback_support

# 60 leads: “big” ones are accepted, “near” ones are not, although both give fit points.
OUTCOMES = [("accept", ["big", "asked"])] * 30 + [("too_small", ["near", "visited"])] * 30


def decided(
    people: dict[str, User],
    outcomes: list[tuple[str, list[str]]] = OUTCOMES,
    *,
    version: int = 1,
) -> ScoringModel:
    """A live model and decided leads of the team."""
    model = feedback_support.live_model(version=version)
    team = people["sdr"].team
    assert team is not None
    feedback_support.decide(
        model, outcomes, by=people["sdr"], ae=people["ae"], team=team, now=timezone.now()
    )
    return model


def proposed(people: dict[str, User], *, version: int = 1) -> Iterator[RuleProposal]:
    """Strong proposals, looked for now."""
    decided(people, version=version)
    run = propose_rules(now=timezone.now())
    return (row for row in run.proposals if row.evidence["grade"] == "strong")
