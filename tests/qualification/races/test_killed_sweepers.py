"""Sweepers killed (SIGKILL) in the midst of their work, as real processes: the survivors finish it,
and a breach is written down once and told once."""

from __future__ import annotations

import datetime as dt
import signal

import pytest
from django.utils import timezone

from crm.models import Team, User
from qualification.invariants import violations
from qualification.models import Notice, SLAEvent
from tests.qualification import queue_support as rows
from tests.qualification.races.sweeper_processes import (
    connections_there,
    nobody_writes,
    sweeper,
    wait_until_it_is_gone,
    wait_until_one_hangs,
)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("dies_before", "stands"),
    [
        ("qualification_slaevent", 0),
        ("qualification_slafollowup", 0),
        ("qualification_notice", 1),
    ],
)
def test_a_breach_is_written_and_told_once(
    team: Team, people: dict[str, User], dies_before: str, stands: int
) -> None:
    """healthchecks 212: there an alert was lost when the loop was interrupted between what it
    wrote and what it sent, with no retry and no error."""
    item = rows.waiting_item(tier="hot", now=timezone.now() - dt.timedelta(hours=1), team=team)
    with nobody_writes(dies_before):
        before = connections_there()
        victim = sweeper()
        wait_until_one_hangs(dies_before)
        victim.send_signal(signal.SIGKILL)
        assert victim.wait(timeout=30) == -signal.SIGKILL
    wait_until_it_is_gone(before)
    breaches = SLAEvent.objects.filter(timer__item=item, level="breach")
    told = Notice.objects.filter(kind="sla_breach", lead=item.lead)
    # The control: the victim left work behind.
    assert (breaches.count(), told.count()) == (stands, 0)

    survivors = [sweeper(), sweeper()]
    assert [each.wait(timeout=120) for each in survivors] == [0, 0]

    assert [event.at for event in breaches] == [item.due_at]
    assert [notice.person for notice in told] == [people["manager"]]
    assert violations() == []
