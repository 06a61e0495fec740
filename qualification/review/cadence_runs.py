"""Knows which cadence a lead is in, and ends runs. Called by the doors of the queue, by decisions,
touches and pages; how a run goes on is in `cadences.py`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import Count, OuterRef, QuerySet, Subquery

from crm.models import Lead
from qualification.choices import CadenceEnd
from qualification.models import CadenceRun, CadenceStep, ReviewItem


def running_of(lead: Lead | int) -> CadenceRun | None:
    """The run of a lead that goes on, with its cadence and next step."""
    runs = with_progress(CadenceRun.objects.filter(lead=lead, ended_at=None))
    return runs.select_related("cadence", "step").first()


def with_progress(runs: QuerySet[CadenceRun]) -> QuerySet[CadenceRun]:
    """The runs with `step_number` (of the next step, from 1) and `n_steps`."""
    steps = CadenceStep.objects.filter(cadence=OuterRef("cadence")).order_by()
    so_far = steps.filter(position__lte=OuterRef("step__position"))
    return runs.annotate(step_number=_count(so_far), n_steps=_count(steps))


def _count(steps: QuerySet[CadenceStep]) -> Subquery:
    return Subquery(steps.values("cadence").annotate(n=Count("pk")).values("n"))


def end_runs(lead_ids: Collection[int], *, end: CadenceEnd, now: datetime) -> int:
    """Ends the runs of these leads; returns how many. Under the caller's lock of the leads."""
    runs = CadenceRun.objects.filter(lead__in=lead_ids, ended_at=None)
    return runs.update(ended_at=now, end=end)


def revive_run(*, old: ReviewItem, item: ReviewItem, ended_at: datetime) -> None:
    """A decision was undone: the run that it ended goes on with the new item."""
    ended = CadenceRun.objects.filter(item=old, end=CadenceEnd.DECIDED, ended_at=ended_at)
    ended.update(ended_at=None, end="", item=item)
