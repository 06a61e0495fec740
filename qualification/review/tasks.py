"""Tells people that a task of theirs fell due: once for each time it is planned for.

Called by the sweep. The row remembers the time it was told about, so that a missed pass tells late
and a doubled one tells nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from qualification.choices import ItemState, NoticeKind
from qualification.models import CadenceRun, NurturePlan, ReviewItem
from qualification.neighbours import do_due, each
from qualification.notices.tell import Told, tell_all


def tell_due(*, now: datetime) -> int:
    """Tells the owners of leads about tasks, and who nurtured a lead about steps, that fell due;
    returns how many. Sweeps at once share the rows (SKIP LOCKED)."""
    items = list(_untold_items(now).values_list("pk", flat=True))
    steps = list(_untold_steps(now).values_list("pk", flat=True))
    return each(
        partial(do_due, items, partial(_tell_items, now=now), what="task"),
        partial(do_due, steps, partial(_tell_steps, now=now), what="step"),
    )


def _untold_items(now: datetime) -> QuerySet[ReviewItem]:
    """Owned leads whose task fell due."""
    due = ReviewItem.objects.filter(state=ItemState.OWNED, next_task_at__lte=now)
    return due.filter(Q(task_told_at=None) | ~Q(task_told_at=F("next_task_at"))).order_by("pk")


def _untold_steps(now: datetime) -> QuerySet[CadenceRun]:
    """Steps that fell due of leads that sleep while somebody keeps in touch."""
    due = CadenceRun.objects.filter(ended_at=None, due_at__lte=now).filter(
        item__decisions__plan__state=NurturePlan.State.WAITING
    )
    return due.filter(Q(told_at=None) | ~Q(told_at=F("due_at"))).order_by("pk")


def _tell_items(item_ids: Sequence[int], *, now: datetime) -> int:
    untold = _untold_items(now).filter(pk__in=item_ids)
    rows = list(untold.select_for_update(skip_locked=True, no_key=True))
    tell_all(
        [
            _told(
                person_id=item.holder_id,
                key=f"task:item-{item.pk}",
                at=item.next_task_at,
                lead_id=item.lead_id,
                task=item.next_task,
            )
            for item in rows
        ],
        now=now,
    )
    told = ReviewItem.objects.filter(pk__in=[item.pk for item in rows])
    told.update(task_told_at=F("next_task_at"))
    return len(rows)


def _tell_steps(run_ids: Sequence[int], *, now: datetime) -> int:
    untold = _untold_steps(now).filter(pk__in=run_ids).select_related("step")
    rows = list(
        untold.annotate(person=F("item__decisions__by")).select_for_update(
            skip_locked=True, no_key=True, of=("self",)
        )
    )
    tell_all(
        [
            _told(
                person_id=run.person,
                key=f"task:run-{run.pk}",
                at=run.due_at,
                lead_id=run.lead_id,
                task=run.step.task if run.step else "",
            )
            for run in rows
        ],
        now=now,
    )
    CadenceRun.objects.filter(pk__in=[run.pk for run in rows]).update(told_at=F("due_at"))
    return len(rows)


def _told(*, person_id: int | None, key: str, at: datetime | None, lead_id: int, task: str) -> Told:
    assert person_id is not None  # noqa: S101 - owned leads have a holder
    assert at is not None  # noqa: S101 - it fell due
    return Told(
        person_id=person_id,
        kind=NoticeKind.TASK_DUE,
        key=f"{key}-{at.isoformat()}",
        lead_id=lead_id,
        words={"task": task or _("Next task")},
    )
