"""What a person has to do next: their claims, leads that wait for them, tasks by when they are due.

Called by My work and the navigation. Tasks come with owned leads, and with leads that sleep while a
cadence keeps in touch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.models import Lead, User
from qualification.choices import ItemState
from qualification.models import CadenceRun, NurturePlan, ReviewItem
from qualification.review.cadence_runs import with_progress
from qualification.sla.faces import Face, faces_of, with_calendars

# A task is due at its time and overdue this long after it.
OVERDUE_AFTER = timedelta(hours=1)


@dataclass(frozen=True)
class WorkRow:
    """One lead on somebody's desk. `time_format` fits how far the task is; `face` is the clock of
    an open item; `run` the cadence it is in."""

    lead: Lead
    item: ReviewItem | None
    run: CadenceRun | None
    at: datetime | None
    task: str
    is_overdue: bool
    time_format: str
    face: Face | None

    @property
    def company(self) -> str:
        return self.lead.account.name if self.lead.account else self.lead.company_name

    @property
    def is_asleep(self) -> bool:
        """In nurture while a cadence keeps in touch."""
        return self.item is None

    @property
    def can_touch(self) -> bool:
        """Whether a touch can be logged from the list."""
        return self.item is None or self.item.state in (ItemState.CLAIMED, ItemState.OWNED)


@dataclass(frozen=True)
class WorkSection:
    """Leads that ask for the same."""

    key: str
    title: Any
    rows: tuple[WorkRow, ...]


@dataclass(frozen=True)
class MyWork:
    """Everything a person holds or routing chose them for, by what comes next."""

    sections: tuple[WorkSection, ...]

    @property
    def n_owned(self) -> int:
        """Leads that are theirs for good, not by a lease or a turn, and awake."""
        rows = (row for part in self.sections for row in part.rows)
        return sum(row.item is not None and row.item.state == ItemState.OWNED for row in rows)

    @property
    def n_due(self) -> int:
        """Tasks whose time has come."""
        return sum(len(part.rows) for part in self.sections if part.key in ("overdue", "due"))

    @property
    def is_empty(self) -> bool:
        return not any(part.rows for part in self.sections)


SECTIONS = (
    ("claimed", _("Claimed")),
    ("waiting", _("Chosen for you, not claimed yet")),
    ("overdue", _("Overdue")),
    ("due", _("Due now")),
    ("today", _("Later today")),
    ("none", _("No task planned")),
    ("later", _("Later")),
    ("snoozed", _("Snoozed")),
)


def my_work(user: User, *, now: datetime) -> MyWork:
    """The reader's claims by lease, leads that wait for them and tasks by time, in three queries. A
    day ends at midnight of the current time zone."""
    held = ReviewItem.objects.held_by(user).exclude(state=ItemState.CLAIMED, lease_until__lte=now)
    theirs = held | ReviewItem.objects.waiting().filter(assignee=user)
    items = list(
        with_calendars(theirs)
        .select_related("lead__account", "lead__score", "lead__source")
        .order_by("lease_until", "next_task_at", "due_at", "pk")
    )
    faces = faces_of(items, now=now)
    runs = list(_runs_of(user, items))
    run_of = {run.item_id: run for run in runs}
    by_key: dict[str, list[WorkRow]] = {key: [] for key, _title in SECTIONS}
    for item in items:
        row = _item_row(item, run=run_of.get(item.pk), face=faces.get(item.pk), now=now)
        by_key[_section_of(row, now=now)].append(row)
    at_desk = {item.pk for item in items}
    for run in runs:
        if run.item_id not in at_desk:
            row = _run_row(run, now=now)
            by_key[_section_of(row, now=now)].append(row)
    return MyWork(tuple(WorkSection(k, title, _in_time(by_key[k])) for k, title in SECTIONS))


def due_tasks(user: User, *, now: datetime) -> QuerySet[ReviewItem]:
    """Owned leads whose task has come due."""
    return ReviewItem.objects.filter(holder=user, state=ItemState.OWNED, next_task_at__lte=now)


def due_runs(user: User, *, now: datetime) -> QuerySet[CadenceRun]:
    """Steps that have come due with leads that sleep."""
    return _asleep(user).filter(due_at__lte=now)


def _asleep(user: User) -> QuerySet[CadenceRun]:
    """Runs with leads that sleep after a decision of this person."""
    return CadenceRun.objects.filter(
        ended_at=None,
        item__decisions__by=user,
        item__decisions__plan__state=NurturePlan.State.WAITING,
    )


def _runs_of(user: User, items: Iterable[ReviewItem]) -> QuerySet[CadenceRun]:
    of_items = CadenceRun.objects.filter(ended_at=None, item__in=[item.pk for item in items])
    both = CadenceRun.objects.filter(pk__in=of_items.values("pk")) | CadenceRun.objects.filter(
        pk__in=_asleep(user).values("pk")
    )
    rows = with_progress(both).select_related("cadence", "step", "lead__account", "lead__score")
    return rows.order_by("due_at", "pk")


def _item_row(
    item: ReviewItem, *, run: CadenceRun | None, face: Face | None, now: datetime
) -> WorkRow:
    at = item.next_task_at
    is_owned = item.state == ItemState.OWNED
    return WorkRow(
        lead=item.lead,
        item=item,
        run=run,
        at=at,
        task=item.next_task,
        is_overdue=is_owned and at is not None and at + OVERDUE_AFTER <= now,
        time_format=_format(at, now=now),
        face=face,
    )


def _run_row(run: CadenceRun, *, now: datetime) -> WorkRow:
    assert run.due_at is not None  # noqa: S101 - it runs
    assert run.step is not None  # noqa: S101 - it runs
    return WorkRow(
        lead=run.lead,
        item=None,
        run=run,
        at=run.due_at,
        task=run.step.task,
        is_overdue=run.due_at + OVERDUE_AFTER <= now,
        time_format=_format(run.due_at, now=now),
        face=None,
    )


def _format(at: datetime | None, *, now: datetime) -> str:
    return "H:i" if at is not None and _is_today(at, now) else "D j M H:i"


def _is_today(at: datetime, now: datetime) -> bool:
    return timezone.localtime(at).date() == timezone.localtime(now).date()


def _section_of(row: WorkRow, *, now: datetime) -> str:
    if row.item is not None and row.item.state in (ItemState.CLAIMED, ItemState.WAITING):
        return row.item.state
    if row.at is None:
        return "none"
    if row.at <= now:
        return "overdue" if row.is_overdue else "due"
    if row.item is not None and row.item.snoozed_until == row.at:
        return "snoozed"
    return "today" if _is_today(row.at, now) else "later"


def _in_time(rows: list[WorkRow]) -> tuple[WorkRow, ...]:
    """By time; without one in the order they came."""
    return tuple(sorted(rows, key=lambda row: row.at.timestamp() if row.at else 0.0))
