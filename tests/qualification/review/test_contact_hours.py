"""Own calls by the hour of the lead's clock: counted against a plain recount."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings

from crm.models import User
from qualification.choices import ItemState, TouchKind, TouchResult
from qualification.models import ContactHour, Touch
from qualification.review.contact_hours import contact_of, count_calls, count_due, windows_now
from tests.factories import NOW
from tests.qualification.decision_support import held_item

PLACES = {
    ("Germany", ""): "Europe/Berlin",
    ("United States", "Chicago"): "America/Chicago",
    ("India", "Mumbai"): "Asia/Kolkata",
    ("United States", "Springfield"): None,
}
pytestmark = pytest.mark.django_db


def test_it_counts_by_the_hour_where_the_lead_is(people: dict[str, User]) -> None:
    draw = random.Random(7)
    expected: Counter[tuple[int, bool]] = Counter()
    for (country, city), zone in PLACES.items():
        item = held_item(people["sdr"], ItemState.CLAIMED, country=country, city=city)
        for _n in range(40):
            at = NOW - dt.timedelta(minutes=draw.randrange(1, 60 * 24 * 300))
            kind = draw.choice([TouchKind.CALL, TouchKind.CALL, TouchKind.MAIL])
            result = draw.choice([TouchResult.SPOKE, TouchResult.NO_ANSWER, TouchResult.VOICEMAIL])
            Touch.objects.create(
                item=item, lead=item.lead, by=people["sdr"], kind=kind, result=result, at=at
            )
            if zone and kind == TouchKind.CALL:
                hour = at.astimezone(ZoneInfo(zone)).hour
                expected[hour, result == TouchResult.SPOKE] += 1
    assert count_calls(now=NOW) == expected.total()
    for row in ContactHour.objects.all():
        assert row.answered == expected[row.hour, True]
        assert row.calls == expected[row.hour, True] + expected[row.hour, False]
    assert windows_now().seen == expected.total()


def test_it_counts_once_a_day() -> None:
    assert count_due(now=NOW) == 0
    first = ContactHour.objects.get(hour=0).counted_at
    count_due(now=NOW + dt.timedelta(hours=23))
    assert ContactHour.objects.get(hour=0).counted_at == first
    count_due(now=NOW + dt.timedelta(hours=24))
    assert ContactHour.objects.get(hour=0).counted_at > first
    assert ContactHour.objects.count() == 24


def test_it_says_when_to_call(people: dict[str, User]) -> None:
    lead = held_item(people["sdr"], country="Germany").lead
    contact = contact_of(lead, now=NOW)
    assert contact.local is not None
    assert (contact.local.hour, contact.is_good) == (10, False)
    assert contact_of(lead, now=NOW - dt.timedelta(hours=1)).is_good
    nowhere = contact_of(held_item(people["sdr"]).lead, now=NOW)
    assert (nowhere.local, nowhere.is_good) == (None, False)


@override_settings(CONTACT_WINDOWS="10-11")
def test_the_usual_hours_are_a_setting(people: dict[str, User]) -> None:
    lead = held_item(people["sdr"], country="Germany").lead
    assert contact_of(lead, now=NOW).is_good
