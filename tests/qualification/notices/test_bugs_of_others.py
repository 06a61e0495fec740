"""Defects of other systems' reminders, each a case here by name: a time somebody chose is an
instant, wherever they, the server and the office are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core import mail
from django.test import Client

from crm.models import Team, User
from qualification.choices import Channel, Digest, NoticeKind, TouchKind, TouchResult
from qualification.models import Notice, ReviewItem
from qualification.notices.preferences import choose
from qualification.review.claims import claim_item
from qualification.review.touches import log_touch
from qualification.sweeps import run_all
from tests.qualification import queue_support as rows
from tests.qualification.decision_support import active_model

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)
Login = Callable[[User], Client]
# East and west of UTC, with half hours, and UTC itself.
ZONES = ("Asia/Singapore", "Europe/Warsaw", "America/Los_Angeles", "Asia/Kolkata", "UTC")


def owned_by(person: User, team: Team, now: dt.datetime) -> ReviewItem:
    item = claim_item(item=rows.waiting_item(team=team, now=now), by=person, now=now)
    log_touch(item=item, by=person, kind=TouchKind.CALL, result=TouchResult.NO_ANSWER, now=now)
    return item


def live_in(person: User, zone: str) -> None:
    person.time_zone = zone
    person.save(update_fields=["time_zone"])


@pytest.mark.parametrize("zone", ZONES)
def test_suitecrm_766_811_822_1279_a_reminder_comes_at_the_time_of_the_person(
    zone: str, people: dict[str, User], team: Team, login: Login
) -> None:
    """Ten o'clock as typed by somebody in this zone: in the page and by mail, not an hour off and
    not never."""
    active_model()
    sdr = people["sdr"]
    live_in(sdr, zone)
    wanted = {(NoticeKind.TASK_DUE, channel) for channel in (Channel.IN_APP, Channel.MAIL)}
    choose(person=sdr, wanted=wanted, is_quiet=False, digest=Digest.NONE)
    before = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
    item = owned_by(sdr, team, before)
    ten = dt.datetime(2026, 11, 26, 10, 0, tzinfo=ZoneInfo(zone))
    with time_machine.travel(before, tick=False):
        form = {"until": "2026-11-26T10:00", "task": "Call back"}
        login(sdr).post(f"/leads/{item.lead_id}/snooze/", form)
    for at, told in ((ten - MINUTE, 0), (ten, 1), (ten + MINUTE, 1), (ten + 180 * MINUTE, 1)):
        run_all(now=at)
        notices = Notice.objects.filter(person=sdr, kind=NoticeKind.TASK_DUE)
        mails = [letter for letter in mail.outbox if letter.to == [sdr.email]]
        assert (notices.count(), len(mails)) == (told, told), at
    assert Notice.objects.get(kind=NoticeKind.TASK_DUE).at == ten


@pytest.mark.parametrize(
    ("zone", "now"),
    [
        # In Los Angeles it is still Tuesday when it is Wednesday in Greenwich; in Singapore it is
        # Wednesday already.
        ("America/Los_Angeles", dt.datetime(2026, 11, 25, 4, 0, tzinfo=dt.UTC)),
        ("Asia/Singapore", dt.datetime(2026, 11, 24, 20, 0, tzinfo=dt.UTC)),
    ],
)
def test_suitecrm_755_today_is_the_day_of_the_person_not_of_greenwich(
    zone: str, now: dt.datetime, people: dict[str, User], team: Team, login: Login
) -> None:
    active_model()
    sdr = people["sdr"]
    live_in(sdr, zone)
    item = owned_by(sdr, team, now - dt.timedelta(hours=1))
    midnight = dt.datetime.combine(now.astimezone(ZoneInfo(zone)), dt.time(), ZoneInfo(zone))
    end_of_day = midnight + dt.timedelta(hours=23, minutes=30)
    for at, section in ((end_of_day, "Later today"), (end_of_day + 60 * MINUTE, "Later")):
        ReviewItem.objects.filter(pk=item.pk).update(next_task_at=at, next_task="Call back")
        with time_machine.travel(now, tick=False):
            work = login(sdr).get("/my-work/").context["work"]
        assert [str(part.title) for part in work.sections if part.rows] == [section]
