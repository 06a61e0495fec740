"""Leads in the hands of somebody, made through the same doors as real work."""

from __future__ import annotations

import datetime as dt

from crm.models import Lead, Team, User
from qualification.choices import AnswerState, EntryReason, ItemState, TouchKind, TouchResult
from qualification.models import (
    Criterion,
    Decision,
    RejectionReason,
    ReviewItem,
    ScoringModel,
    ScoringRule,
)
from qualification.review.checklists import record_answer
from qualification.review.claims import claim_item
from qualification.review.decisions import accept_lead, nurture_lead, reject_lead
from qualification.review.nurture import WakeWish
from qualification.review.queue import enter_queue
from qualification.review.touches import log_touch
from tests.factories import NOW, LeadFactory
from tests.qualification.grades import ACTIONS, NUMBERS, TIERS

MINUTE = dt.timedelta(minutes=1)
BANT_REQUIRED = ("budget", "authority", "pain", "timing")


def waiting_item(team: Team, **fields: object) -> ReviewItem:
    """A lead that has just entered the queue at NOW."""
    lead = LeadFactory(team=team, **fields)
    (item_id,) = enter_queue([lead.pk], reason=EntryReason.THRESHOLD, now=NOW)
    return ReviewItem.objects.get(pk=item_id)


def held_item(by: User, state: str = ItemState.CLAIMED, **fields: object) -> ReviewItem:
    """A lead this person claimed a minute after entry; owned: touched two minutes after."""
    item = claim_item(item=waiting_item(by.team, **fields), by=by, now=NOW + MINUTE)
    if state == ItemState.OWNED:
        log_touch(
            item=item,
            by=by,
            kind=TouchKind.CALL,
            result=TouchResult.SPOKE,
            now=NOW + 2 * MINUTE,
        )
    item.refresh_from_db()
    return item


def answer(lead: Lead, key: str, by: User, **changes: object) -> None:
    """Confirms one criterion, unless told otherwise."""
    given = {
        "value": f"{key} known",
        "state": AnswerState.CONFIRMED,
        "source": "Call",
        "answered_on": NOW.date(),
        "now": NOW + 2 * MINUTE,
    } | changes
    record_answer(lead=lead, criterion=Criterion.objects.get(key=key), by=by, **given)


def answer_required(lead: Lead, by: User) -> None:
    """Everything BANT requires, confirmed."""
    for key in BANT_REQUIRED:
        answer(lead, key, by)


def reason(key: str) -> RejectionReason:
    """A shipped reason."""
    return RejectionReason.objects.get(key=key)


def accepted(
    people: dict[str, User], now: dt.datetime = NOW + 5 * MINUTE, **fields: object
) -> Decision:
    """A decision to accept, by the SDR, for the AE."""
    item = held_item(people["sdr"], ItemState.OWNED, **fields)
    answer_required(item.lead, people["sdr"])
    return accept_lead(item=item, token=item.token, by=people["sdr"], to=people["ae"], now=now)


def rejected(by: User, key: str = "too_small", now: dt.datetime = NOW + 5 * MINUTE) -> Decision:
    """A decision to reject."""
    item = held_item(by, ItemState.OWNED)
    return reject_lead(item=item, token=item.token, by=by, reason=reason(key), now=now)


def nurtured(by: User, now: dt.datetime = NOW + 5 * MINUTE, **wake: object) -> Decision:
    """A decision to nurture, for ten days unless told otherwise."""
    item = held_item(by, ItemState.OWNED)
    return nurture_lead(
        item=item,
        token=item.token,
        by=by,
        reason=reason("no_project"),
        wake=WakeWish(**(wake or {"on": NOW.date() + dt.timedelta(days=10)})),
        now=now,
    )


def active_model(points: str = "20.0", condition: object = None) -> ScoringModel:
    """A live model with one fit rule: title is VP."""
    model = ScoringModel.objects.create(
        version=ScoringModel.objects.count() + 1,
        name="Test",
        mql="40.0",
        accept="65.0",
        base_fit="10.0",
        fit_thresholds={"A": "40.0", "B": "20.0", "C": "10.0"},
        intent_thresholds=NUMBERS,
        tiers=TIERS,
        actions=ACTIONS,
        created_at=NOW,
    )
    ScoringRule.objects.create(
        model=model,
        key="vp-title",
        name="VP",
        dimension="fit",
        condition=condition or {"subject": "lead.title", "op": "is", "value": "VP"},
        points=points,
    )
    ScoringModel.objects.filter(pk=model.pk).update(
        status="active", published_at=NOW, published_as="operator"
    )
    model.refresh_from_db()
    return model
