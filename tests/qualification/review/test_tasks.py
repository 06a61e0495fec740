"""Tasks that fall due: told once for each time, late after downtime, counted in the navigation."""

from __future__ import annotations

import datetime as dt

import pytest

from crm.models import User
from qualification.choices import ItemState, NoticeKind
from qualification.models import Cadence, Notice, ReviewItem
from qualification.notices.reads import mark_all_read
from qualification.review.cadences import start_cadence
from qualification.review.my_work import my_work
from qualification.review.tasks import tell_due
from qualification.review.touches import snooze_item
from qualification.todo import Todo, todo_of
from tests.factories import NOW
from tests.qualification.decision_support import held_item, nurtured
from tests.qualification.queue_support import in_threads

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
pytestmark = pytest.mark.django_db


def tasks_due(person: User, *, at: dt.datetime) -> int:
    """The number in the navigation."""
    return todo_of(person, works=True, now=at).tasks


def with_task(by: User, at: dt.datetime) -> ReviewItem:
    item = held_item(by, ItemState.OWNED)
    ReviewItem.objects.filter(pk=item.pk).update(next_task="Call again", next_task_at=at)
    item.refresh_from_db()
    return item


def test_it_tells_once_each_time_it_is_planned_for(people: dict[str, User]) -> None:
    sdr = people["sdr"]
    item = with_task(sdr, NOW + HOUR)
    assert tell_due(now=NOW + HOUR - dt.timedelta(seconds=1)) == 0
    assert [tell_due(now=NOW + HOUR), tell_due(now=NOW + HOUR), tell_due(now=NOW + DAY)] == [
        1,
        0,
        0,
    ]
    snooze_item(item=item, by=sdr, until=NOW + 2 * DAY, task="Mail", now=NOW + DAY)
    assert [tell_due(now=NOW + 3 * DAY), tell_due(now=NOW + 3 * DAY)] == [1, 0]
    notices = Notice.objects.filter(person=sdr, kind=NoticeKind.TASK_DUE).order_by("at")
    assert [(row.lead_id, row.words["task"]) for row in notices] == [
        (item.lead_id, "Call again"),
        (item.lead_id, "Mail"),
    ]


def test_steps_with_sleeping_leads_are_tasks_too(people: dict[str, User]) -> None:
    sdr = people["sdr"]
    decision = nurtured(sdr)
    cadence = Cadence.objects.get(key="three-weeks")
    run = start_cadence(lead=decision.lead, cadence=cadence, by=sdr, now=NOW + HOUR)
    assert run.due_at is not None
    assert tasks_due(sdr, at=run.due_at - HOUR) == 0
    assert tasks_due(sdr, at=run.due_at) == 1
    assert tasks_due(people["manager"], at=run.due_at) == 0
    assert [tell_due(now=run.due_at), tell_due(now=run.due_at)] == [1, 0]
    work = my_work(sdr, now=run.due_at)
    (row,) = [row for part in work.sections for row in part.rows]
    assert (row.is_asleep, row.task, work.n_due, work.n_owned) == (
        True,
        "Call for the first time",
        1,
        0,
    )
    assert (row.run and row.run.step_number, row.run and row.run.n_steps) == (1, 7)


def test_sections_by_time(people: dict[str, User]) -> None:
    sdr = people["sdr"]
    times = {"overdue": -61, "due": -59, "today": 30, "later": 48 * 60}
    for minutes in times.values():
        with_task(sdr, NOW + dt.timedelta(minutes=minutes))
    snoozed = with_task(sdr, NOW + HOUR)
    snooze_item(item=snoozed, by=sdr, until=NOW + 2 * HOUR, now=NOW)
    found = {part.key: len(part.rows) for part in my_work(sdr, now=NOW).sections if part.rows}
    assert found == {"overdue": 1, "due": 1, "today": 1, "later": 1, "snoozed": 1}
    assert tasks_due(sdr, at=NOW) == 2
    # Behind its time a snoozed one is due like any other.
    later = my_work(sdr, now=NOW + 2 * HOUR)
    assert not [part for part in later.sections if part.key == "snoozed" and part.rows]


@pytest.mark.django_db(transaction=True)
def test_sweeps_at_once_tell_once(people: dict[str, User]) -> None:
    for _n in range(5):
        with_task(people["sdr"], NOW + HOUR)
    told = in_threads([lambda: tell_due(now=NOW + HOUR) for _n in range(3)])
    assert sum(told) + tell_due(now=NOW + HOUR) == 5
    assert Notice.objects.filter(kind=NoticeKind.TASK_DUE).count() == 5


def test_the_frame_counts_unread_notices_and_tasks(people: dict[str, User]) -> None:
    sdr = people["sdr"]
    with_task(sdr, NOW)
    with_task(sdr, NOW)
    tell_due(now=NOW)
    assert todo_of(sdr, works=True, now=NOW) == Todo(unread=2, tasks=2)
    assert todo_of(sdr, works=False, now=NOW) == Todo(unread=2, tasks=0)
    mark_all_read(person=sdr, up_to=Notice.objects.latest("pk").pk, now=NOW)
    assert todo_of(sdr, works=True, now=NOW) == Todo(unread=0, tasks=2)
