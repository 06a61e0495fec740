"""What a touch changes, as it was before: kept with the touch, so that undo puts exactly that back.

Called by `touches.py` before it writes anything, under the lock of the lead.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Max

from qualification.models import CadenceRun, ItemEvent, NurturePlan, ReviewItem
from qualification.sla.found import clocks_of

TIMES = ("lease_until", "next_task_at", "snoozed_until", "task_told_at")
PLAIN = ("state", "token", "next_task", "framework_id", "framework_reason")

Found = dict[str, Any]


def found_of(item: ReviewItem) -> Found:
    """The hands an open item is in, its next task, its steps and its clocks, as plain JSON."""
    times = {name: _text(getattr(item, name)) for name in TIMES}
    plain = {name: getattr(item, name) for name in PLAIN}
    return {"item": {**plain, **times}, "clocks": clocks_of(item), **_steps_of(item)}


def found_asleep(plan: NurturePlan) -> Found:
    """The same of a lead that sleeps: its plan and its steps."""
    return {"plan": plan.pk, **_steps_of(plan.decision.item)}


def _steps_of(item: ReviewItem) -> Found:
    """The steps of a running cadence; and the last event so far, so that later ones are known."""
    run = CadenceRun.objects.filter(lead=item.lead_id, ended_at=None).first()
    return {
        "event": ItemEvent.objects.filter(item=item).aggregate(last=Max("pk"))["last"] or 0,
        "run": run
        and {
            "id": run.pk,
            "step": run.step_id,
            "due_at": _text(run.due_at),
            "told_at": _text(run.told_at),
        },
    }


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
