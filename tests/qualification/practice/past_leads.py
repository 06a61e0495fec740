"""A past decision, and what became of its lead."""

from __future__ import annotations

import datetime as dt
from typing import Any

from crm.models import Outcome, User
from qualification.choices import TouchKind, TouchResult
from qualification.models import Decision, PracticeCase, PracticeRound
from qualification.practice import rounds
from qualification.review import claims, decisions, touches
from qualification.review.nurture import WakeWish
from tests import factories
from tests.qualification import decision_support as hands
from tests.qualification import queue_support as rows


def decided(
    kind: str,
    *,
    by: User,
    ae: User,
    at: dt.datetime,
    note: str = "",
    key: str = "too_small",
    answered: bool = True,
    **fields: Any,
) -> Decision:
    """A lead that came in half an hour before `at`, was called, asked and decided."""
    minutes = rows.minutes
    fields = {"team": by.team, "title": "VP", **fields}
    item = rows.waiting_item(now=at - minutes(30), **fields)
    item = claims.claim_item(item=item, by=by, now=at - minutes(20))
    touches.log_touch(
        item=item, by=by, kind=TouchKind.CALL, result=TouchResult.SPOKE, now=at - minutes(15)
    )
    if answered:
        for name in hands.BANT_REQUIRED:
            hands.answer(item.lead, name, by, now=at - minutes(10), answered_on=at.date())
    item.refresh_from_db()
    given: dict[str, Any] = {"item": item, "token": item.token, "by": by, "note": note, "now": at}
    if kind == "accept":
        return decisions.accept_lead(to=ae, **given)
    given["reason"] = hands.reason(key if kind == "reject" else "no_project")
    if kind == "reject":
        return decisions.reject_lead(**given)
    wake = WakeWish(on=(at + dt.timedelta(days=90)).date())
    return decisions.nurture_lead(wake=wake, **given)


def became(decision: Decision, value: str) -> Outcome:
    """What was told of the lead three days later."""
    at = decision.at + dt.timedelta(days=3)
    return Outcome.objects.create(
        lead=decision.lead,
        value=value,
        source=factories.SourceFactory(),
        recorded_at=at,
        occurred_at=at,
    )


def begin(by: User, now: dt.datetime, size: int = 5, seed: int = 1) -> PracticeRound:
    """A round of this person."""
    return rounds.start_round(by=by, size=size, seed=seed, now=now)


def judge_all(practice: PracticeRound, now: dt.datetime, choice: str = "accept") -> None:
    """The same choice for every lead that is left."""
    while (case := rounds.next_case(practice.pk)) is not None:
        rounds.judge_case(case=case, choice=choice, by=practice.person, now=now)


def case_of(practice: PracticeRound, decision: Decision) -> PracticeCase:
    """The case of a decision."""
    return PracticeCase.objects.get(round=practice, decision=decision)
