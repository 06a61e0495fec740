"""What clocks show while open, closed and late; on the pages and how often the calendar is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.test import Client

from crm.models import Team, User
from qualification.models import ReviewItem, SLAPolicy
from qualification.sla import faces
from qualification.sla.business_time import due
from qualification.sla.calendars import read_calendar
from qualification.sla.faces import Face, face_of, faces_of, with_calendars
from tests.qualification import queue_support as rows
from tests.qualification.decision_support import accepted
from tests.qualification.sla.calendar_support import OFFICE, calendar_for

SATURDAY = dt.datetime(2026, 11, 21, 15, 0, tzinfo=dt.UTC)
MONDAY = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
FRIDAY = dt.datetime(2026, 11, 20, 17, 50, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("started_at", "now", "expected"),
    [
        (SATURDAY, SATURDAY, Face(60 * MINUTE, MONDAY, has_begun=False)),
        (SATURDAY, MONDAY, Face(60 * MINUTE, None, has_begun=False)),
        (FRIDAY, FRIDAY + MINUTE, Face(59 * MINUTE, None, has_begun=True)),
        (FRIDAY, SATURDAY, Face(50 * MINUTE, MONDAY, has_begun=True)),
        (FRIDAY, MONDAY + 50 * MINUTE, Face(0 * MINUTE, None, has_begun=True)),
        (FRIDAY, MONDAY + 70 * MINUTE, Face(-20 * MINUTE, None, has_begun=True)),
    ],
)
def test_the_face(started_at: dt.datetime, now: dt.datetime, expected: Face) -> None:
    calendar = read_calendar({"zone": "UTC", "week": OFFICE})
    due_at = due(calendar, started_at, 60)
    assert face_of(calendar, started_at=started_at, due_at=due_at, now=now) == expected


@pytest.mark.django_db
def test_a_process_reads_each_version_once(
    team: Team, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calendar_for(team)
    for _ in range(3):
        rows.waiting_item(tier="hot", team=team, now=SATURDAY)
    # Routing asked for it already.
    monkeypatch.setattr(faces, "_known", {})
    with django_assert_num_queries(2):
        items = list(with_calendars(ReviewItem.objects.all()))
        found = faces_of(items, now=SATURDAY)
    assert [face.opens_at for face in found.values()] == [MONDAY] * 3
    with django_assert_num_queries(1):
        faces_of(with_calendars(ReviewItem.objects.all()), now=SATURDAY)


@pytest.mark.django_db
@time_machine.travel(SATURDAY, tick=False)
def test_pages_say_when_the_clock_starts(
    team: Team, people: dict[str, User], login: Callable[[User], Client]
) -> None:
    calendar_for(team)
    item = rows.waiting_item(tier="hot", team=team, now=SATURDAY)
    client = login(people["sdr"])
    for path in ("/queue/", f"/leads/{item.lead_id}/"):
        assert "starts Mon 09:00" in client.get(path).content.decode(), path


@pytest.mark.django_db
def test_the_pulse_draws_a_clock_anew_when_the_calendar_opens(
    team: Team, people: dict[str, User], login: Callable[[User], Client]
) -> None:
    calendar_for(team)
    item = rows.waiting_item(tier="cold", team=team, now=SATURDAY)
    client = login(people["sdr"])
    with time_machine.travel(SATURDAY, tick=False):
        mark = f"{item.pk}-{item.token}-{item.bucket}wz"
        assert mark in client.get("/queue/").content.decode()
        quiet = client.get("/queue/pulse/", {"rows": mark}).content.decode()
    with time_machine.travel(MONDAY, tick=False):
        opened = client.get("/queue/pulse/", {"rows": mark}).content.decode()
    assert f'id="clock-{item.pk}"' not in quiet
    assert f'id="clock-{item.pk}"' in opened
    assert "8 h" in opened


@pytest.mark.django_db
def test_the_ae_sees_it_too(
    team: Team, people: dict[str, User], login: Callable[[User], Client]
) -> None:
    calendar_for(team)
    SLAPolicy.objects.filter(kind="handoff_acceptance").update(minutes=600)
    handoff = accepted(people).handoff
    later = dt.datetime.combine(handoff.created_at.date(), dt.time(19), dt.UTC)
    client = login(people["ae"])
    with time_machine.travel(later, tick=False):
        for path in ("/handoffs/", f"/handoffs/{handoff.pk}/"):
            assert "until Tue 09:00" in client.get(path).content.decode(), path
