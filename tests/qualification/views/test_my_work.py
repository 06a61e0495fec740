"""My work: what one holds, by the next task."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import User
from qualification.models import ReviewItem

pytestmark = pytest.mark.django_db
Make = Callable[..., ReviewItem]


def test_it_sorts_by_next_task(sdr: Client, claimed: Make, owned: Make, here: dt.datetime) -> None:
    claimed(first_name="Claimed", last_name="One")
    for name, at in (("Late", -90), ("Now", -5), ("Later", 60 * 24 * 3), ("Open", None)):
        item = owned(first_name=name, last_name="One")
        task_at = None if at is None else here + dt.timedelta(minutes=at)
        ReviewItem.objects.filter(pk=item.pk).update(next_task_at=task_at, next_task="Call")
    html = sdr.get("/my-work/").content.decode()
    order = [html.index(f"{name} One") for name in ("Claimed", "Late", "Now", "Open", "Later")]
    assert order == sorted(order)
    for text in ("Overdue", "Due now", "2 tasks due"):
        assert text in html


def test_it_shows_only_ones_own(sdr: Client, owned: Make, colleague: User) -> None:
    owned(by=colleague, first_name="Not", last_name="Mine")
    html = sdr.get("/my-work/").content.decode()
    assert "Not Mine" not in html
    assert "Nothing on your desk" in html
