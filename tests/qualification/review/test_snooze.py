"""Snooze: the owner sets a time; the clock runs on."""

import pytest
from django.core.exceptions import PermissionDenied

from crm.models import User
from qualification.choices import TouchKind, TouchResult
from qualification.exceptions import NotHolder, TaskInvalid
from qualification.models import ReviewItem
from qualification.review.claims import claim_item
from qualification.review.touches import log_touch, snooze_item
from tests.qualification import queue_support as rows

NOW = rows.NOW
UNTIL = NOW + rows.minutes(600)


def owned(people: dict[str, User]) -> ReviewItem:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    log_touch(item=item, by=people["sdr"], kind=TouchKind.CALL, result=TouchResult.SPOKE, now=NOW)
    return item


@pytest.mark.django_db
def test_it_sets_the_next_task_and_stops_no_clock(people: dict[str, User]) -> None:
    item = owned(people)
    snoozed = snooze_item(item=item, by=people["sdr"], until=UNTIL, task="Ask again", now=NOW)
    item.refresh_from_db()
    assert (item.next_task_at, item.next_task) == (UNTIL, "Ask again")
    assert (snoozed.due_at, rows.live_timers(item)) == (item.due_at, ["decision"])
    assert rows.verbs(item)[-1] == "item:snoozed"


@pytest.mark.django_db
def test_a_claim_cannot_be_put_off(people: dict[str, User]) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    with pytest.raises(NotHolder, match="Log a touch first"):
        snooze_item(item=item, by=people["sdr"], until=UNTIL, now=NOW)


@pytest.mark.django_db
def test_wrong_hands_wrong_role_wrong_time(people: dict[str, User]) -> None:
    item = owned(people)
    with pytest.raises(NotHolder):
        snooze_item(item=item, by=people["manager"], until=UNTIL, now=NOW)
    with pytest.raises(PermissionDenied):
        snooze_item(item=item, by=people["ae"], until=UNTIL, now=NOW)
    with pytest.raises(TaskInvalid):
        snooze_item(item=item, by=people["sdr"], until=NOW, now=NOW)


@pytest.mark.django_db
def test_twice_the_later_word_counts(people: dict[str, User]) -> None:
    item = owned(people)
    snooze_item(item=item, by=people["sdr"], until=UNTIL, now=NOW)
    again = snooze_item(item=item, by=people["sdr"], until=UNTIL + rows.minutes(5), now=NOW)
    assert again.next_task_at == UNTIL + rows.minutes(5)
