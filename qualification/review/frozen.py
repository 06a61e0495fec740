"""Decides what a decision keeps of the moment it was made: facts, ledger, answers, clock, and what
the page said and showed besides.

Called by `decisions.py` under the lock of lead and item, before anything changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model

from crm.models import Account, User
from qualification.choices import TimerState
from qualification.models import ChecklistAnswer, ReviewItem, ScoringModel, SLATimer
from qualification.review.checklists import current_answers
from qualification.review.seen import seen_by
from qualification.review.shown import said_of
from qualification.scoring.ledger import Ledger, ledger_of
from qualification.scoring.versions import active_model

LEAD_FIELDS = [
    "first_name",
    "last_name",
    "company_name",
    "email",
    "email_kind",
    "phone",
    "title",
    "seniority",
    "department",
    "country",
    "city",
    "channel",
    "campaign",
    "topic",
    "opted_out",
    "attributes",
    "stage",
    "received_at",
]
ACCOUNT_FIELDS = [
    "name",
    "website",
    "industry",
    "employees",
    "revenue",
    "country",
    "city",
    "is_target",
]
HOLD_FIELDS = [
    "state",
    "entry_reason",
    "entered_at",
    "bucket",
    "tier_rank",
    "score_tenths",
    "due_at",
    "claimed_at",
    "lease_until",
    "owned_at",
    "next_task_at",
    "next_task",
    "token",
]
TIMER_FIELDS = [
    "id",
    "kind",
    "state",
    "started_at",
    "warn_at",
    "due_at",
    "stopped_at",
]


@dataclass(frozen=True)
class Frozen:
    """What goes into the Decision row; `facts` is plain JSON, `fired` maps rule keys to tenths."""

    facts: dict[str, Any]
    fired: dict[str, int]
    model: ScoringModel | None
    ledger: Ledger | None

    @property
    def total_tenths(self) -> int:
        """The score at that moment; 0 without an active model."""
        return 0 if self.ledger is None else self.ledger.total_tenths

    @property
    def grade(self) -> str:
        """The grade at that moment; blank when disqualified or unscored."""
        return "" if self.ledger is None else self.ledger.grade


def freeze(*, item: ReviewItem, by: User, now: datetime) -> Frozen:
    """Everything that `by` could see of the item's lead at `now`, as plain values."""
    lead = item.lead
    model, answers = active_model(), current_answers(lead)
    ledger = None if model is None else ledger_of(lead.pk, model=model, now=now)
    return Frozen(
        facts={
            "at": now.isoformat(),
            "lead": _plain(lead, LEAD_FIELDS) | {"source": str(lead.source)},
            "account": _account(lead.account),
            "ledger": None if ledger is None else ledger.to_json(),
            "model_version": None if model is None else model.version,
            "framework": _framework(item),
            "answers": {key: _answer(answer) for key, answer in answers.items()},
            "clock": _clock(item, now),
            "said": said_of(item, answers, ledger=ledger, model=model, now=now),
            "seen": seen_by(by, item, now=now),
            "hold": _plain(item, HOLD_FIELDS),
        },
        fired={} if ledger is None else fired_of(ledger),
        model=model,
        ledger=ledger,
    )


def fired_of(ledger: Ledger) -> dict[str, int]:
    """Key → tenths of each rule that fired, disqualifiers included."""
    return {
        line.rule_key: line.points_tenths
        for line in ledger.lines
        if line.rule_key and line.has_fired
    }


def _account(account: Account | None) -> dict[str, Any] | None:
    if account is None:
        return None
    domains = list(account.domains.values_list("domain", flat=True))
    return _plain(account, ACCOUNT_FIELDS) | {"domains": domains}


def _framework(item: ReviewItem) -> dict[str, Any] | None:
    framework = item.framework
    if framework is None:
        return None
    return {"key": framework.key, "version": framework.version, "name": framework.name}


def _answer(answer: ChecklistAnswer) -> dict[str, Any]:
    fields = ["value", "state", "source", "evidence_url", "answered_on", "recorded_at"]
    return _plain(answer, fields) | {
        "label": answer.criterion.label,
        "by": "" if answer.by is None else str(answer.by),
    }


def _clock(item: ReviewItem, now: datetime) -> dict[str, Any]:
    timers = SLATimer.objects.filter(item=item).order_by("id")
    return {
        "entered_at": item.entered_at.isoformat(),
        "received_at": item.lead.received_at.isoformat(),
        "touches": item.touches.standing().count(),
        "timers": [_timer(timer, now) for timer in timers],
    }


def _timer(timer: SLATimer, now: datetime) -> dict[str, Any]:
    end = timer.stopped_at or now
    was_wanted = timer.state != TimerState.CANCELLED
    return _plain(timer, TIMER_FIELDS) | {
        "elapsed_seconds": (end - timer.started_at).total_seconds(),
        "is_breached": was_wanted and end >= timer.due_at,
    }


def _plain(row: Model, fields: list[str]) -> dict[str, Any]:
    """Chosen columns of a row as JSON values; times in ISO."""
    found = {name: getattr(row, name) for name in fields}
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in found.items()
    }
