"""A touch: by the holder; the first one makes the claim ownership."""

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction

from crm.models import Team, User
from qualification.choices import TouchKind, TouchResult
from qualification.exceptions import NotHolder, TaskInvalid
from qualification.models import ReviewItem, SLATimer, Touch
from qualification.review.claims import claim_item
from qualification.review.touches import log_touch
from tests.qualification import queue_support as rows

NOW = rows.NOW
LATER = NOW + rows.minutes(7)
CALL = {"kind": TouchKind.CALL, "result": TouchResult.NO_ANSWER}


def claimed(people: dict[str, User]) -> ReviewItem:
    return claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)


@pytest.mark.django_db
def test_the_first_touch_makes_it_owned(people: dict[str, User]) -> None:
    item = claimed(people)
    touch = log_touch(
        item=item,
        by=people["sdr"],
        **CALL,
        note="rang twice",
        next_task_at=LATER + rows.minutes(60),
        next_task="Call again",
        now=LATER,
    )
    item.refresh_from_db()
    assert (touch.lead, touch.at, touch.note) == (item.lead, LATER, "rang twice")
    assert (item.state, item.owned_at, item.lease_until) == ("owned", LATER, None)
    assert (item.next_task, item.next_task_at) == ("Call again", LATER + rows.minutes(60))
    assert item.lead.stage == "working"
    first, decision = SLATimer.objects.filter(item=item).order_by("id")
    assert (first.kind, first.state, first.stopped_at) == ("first_response", "stopped", LATER)
    assert (decision.kind, decision.due_at) == ("decision", LATER + rows.minutes(2880))
    assert item.due_at == decision.due_at
    assert rows.verbs(item)[-2:] == ["item:touched", "item:owned"]
    assert not first.events.exists()


@pytest.mark.django_db
def test_a_second_touch_starts_nothing_anew(people: dict[str, User]) -> None:
    item = claimed(people)
    log_touch(item=item, by=people["sdr"], **CALL, now=NOW)
    due_at = item.due_at
    log_touch(item=item, by=people["sdr"], **CALL, now=LATER)
    item.refresh_from_db()
    assert (item.owned_at, item.due_at) == (NOW, due_at)
    assert rows.live_timers(item) == ["decision"]
    assert Touch.objects.filter(item=item).count() == 2


@pytest.mark.django_db
def test_a_late_first_touch_leaves_the_breach_at_its_due_time(people: dict[str, User]) -> None:
    item = claimed(people)
    late = item.due_at + rows.minutes(20)
    sdr = people["sdr"]
    item = claim_item(item=item, by=sdr, now=item.due_at)
    log_touch(item=item, by=sdr, **CALL, now=late)
    timer = SLATimer.objects.get(item=item, kind="first_response")
    events = timer.events.order_by("at").values_list("level", "at", "recorded_at")
    assert list(events) == [("warning", timer.warn_at, late), ("breach", timer.due_at, late)]


@pytest.mark.django_db
def test_only_the_holder_may(people: dict[str, User]) -> None:
    item = claimed(people)
    with pytest.raises(NotHolder, match="Maya holds this lead"):
        log_touch(item=item, by=people["manager"], **CALL, now=LATER)
    with pytest.raises(NotHolder, match="Claim it first"):
        log_touch(item=rows.waiting_item(), by=people["sdr"], **CALL, now=LATER)
    with pytest.raises(PermissionDenied):
        log_touch(item=item, by=people["ae"], **CALL, now=LATER)
    assert not Touch.objects.exists()


@pytest.mark.django_db
def test_a_next_task_in_the_past_is_refused(people: dict[str, User]) -> None:
    item = claimed(people)
    with pytest.raises(TaskInvalid):
        log_touch(item=item, by=people["sdr"], **CALL, next_task_at=LATER, now=LATER)


@pytest.mark.django_db
def test_touches_are_facts(people: dict[str, User]) -> None:
    touch = log_touch(item=claimed(people), by=people["sdr"], **CALL, now=NOW)
    with pytest.raises(DatabaseError), transaction.atomic():
        Touch.objects.filter(pk=touch.pk).update(note="other")
    with pytest.raises(DatabaseError), transaction.atomic():
        touch.delete()


@pytest.mark.django_db(transaction=True)
def test_at_the_same_moment_one_ownership_and_one_clock(team: Team) -> None:
    (sdr,) = rows.sdrs(1, team)
    item = claim_item(item=rows.waiting_item(), by=sdr, now=NOW)
    results = rows.in_threads(
        [lambda: log_touch(item=ReviewItem.objects.get(pk=item.pk), by=sdr, **CALL, now=LATER)] * 5
    )
    assert all(isinstance(result, Touch) for result in results)
    assert rows.verbs(item).count("item:owned") == 1
    assert SLATimer.objects.filter(item=item, kind="decision").count() == 1
