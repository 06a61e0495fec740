"""A scoring version and decided leads, as rows, for the tests of the feedback room."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal

from crm.models import Lead, Team, User
from qualification.choices import CloseReason, EntryReason, ItemState, ModelStatus
from qualification.models import Decision, RejectionReason, ReviewItem, ScoringModel, ScoringRule
from tests import factories
from tests.qualification.grades import ACTIONS, LETTERS, NUMBERS, TIERS

NOW = factories.NOW

ATTRIBUTE_RULES = {
    "big": ("fit", "10.0"),
    "near": ("fit", "5.0"),
    "visited": ("intent", "10.0"),
    "asked": ("intent", "20.0"),
}


def live_model(
    rules: dict[str, tuple[str, str]] = ATTRIBUTE_RULES, *, version: int = 1
) -> ScoringModel:
    """An active version whose rules ask for an attribute of their own name."""
    model = ScoringModel.objects.create(
        version=version,
        name=f"Version {version}",
        status=ModelStatus.DRAFT,
        mql=Decimal(20),
        accept=Decimal(45),
        fit_thresholds=LETTERS,
        intent_thresholds=NUMBERS,
        tiers=TIERS,
        actions=ACTIONS,
        created_at=NOW,
    )
    for position, (key, (dimension, points)) in enumerate(rules.items()):
        ScoringRule.objects.create(
            model=model,
            key=key,
            name=key.title(),
            position=position,
            dimension=dimension,
            condition={"subject": f"attributes.{key}", "op": "is_true"},
            points=Decimal(points),
        )
    go_live(model)
    return model


def go_live(model: ScoringModel, now: dt.datetime = NOW) -> None:
    """Straight into the table: the newest version replaces the live one."""
    ScoringModel.objects.filter(status=ModelStatus.ACTIVE).update(
        status=ModelStatus.RETIRED, retired_at=now
    )
    ScoringModel.objects.filter(pk=model.pk).update(
        status=ModelStatus.ACTIVE, published_at=now, published_as="operator"
    )
    model.refresh_from_db()


def decide(
    model: ScoringModel,
    outcomes: Iterable[tuple[str, Iterable[str]]],
    *,
    by: User,
    ae: User,
    team: Team,
    now: dt.datetime = NOW,
) -> list[Decision]:
    """One decided lead per (outcome, keys that fired); an outcome is `accept` or a reason's key."""
    tenths = {rule.key: int(rule.points * 10) for rule in model.rules.all()}
    reasons = {reason.key: reason for reason in RejectionReason.objects.all()}
    wanted = [(outcome, {key: tenths[key] for key in keys}) for outcome, keys in outcomes]
    source = factories.SourceFactory()
    leads = Lead.objects.bulk_create(
        Lead(
            team=team,
            source=source,
            attributes=dict.fromkeys(fired, True),
            stage_at=now,
            received_at=now,
            created_at=now,
            updated_at=now,
        )
        for _, fired in wanted
    )
    items = ReviewItem.objects.bulk_create(
        ReviewItem(
            lead=lead,
            team=team,
            state=ItemState.CLOSED,
            entry_reason=EntryReason.THRESHOLD,
            entered_at=now,
            due_at=now,
            closed_at=now,
            close_reason=CloseReason.DECIDED,
        )
        for lead in leads
    )
    return Decision.objects.bulk_create(
        Decision(
            item=item,
            lead=item.lead,
            kind="accept" if outcome == "accept" else "reject",
            reason=reasons.get(outcome),
            ae=ae if outcome == "accept" else None,
            # Nobody answered a checklist for these.
            override_reason="Made up for a test" if outcome == "accept" else "",
            by=by,
            at=now,
            model=model,
            total_tenths=sum(fired.values()),
            fired=fired,
        )
        for item, (outcome, fired) in zip(items, wanted, strict=True)
    )
