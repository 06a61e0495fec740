"""The AE's answer: take or return; own ones only, once, with a reason."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction

from crm.models import Lead, User
from crm.roles import Role
from crm.stages import Stage
from qualification.choices import EntryReason, ItemState, TimerKind, TimerState
from qualification.exceptions import DecisionIncomplete, HandoffAnswered, NotHolder
from qualification.handoff.answers import return_handoff, take_handoff
from qualification.models import Handoff, OutboxMessage, ReviewItem, SLATimer
from qualification.review.claims import claim_item
from qualification.review.decisions import accept_lead, undo_decision
from qualification.sweeps import deliver_due
from tests import factories
from tests.factories import NOW
from tests.qualification.decision_support import MINUTE, accepted

LATER = NOW + 20 * MINUTE
pytestmark = pytest.mark.django_db


def handed(people: dict[str, User]) -> Handoff:
    return accepted(people).handoff


def test_the_ae_takes_it(people: dict[str, User]) -> None:
    handoff = take_handoff(handoff=handed(people), by=people["ae"], now=LATER)
    timer = SLATimer.objects.get(kind=TimerKind.HANDOFF_ACCEPTANCE)
    assert (handoff.state, handoff.answered_at) == (Handoff.State.ACCEPTED, LATER)
    assert (timer.state, timer.stopped_at) == (TimerState.STOPPED, LATER)
    assert Lead.objects.get(pk=handoff.lead_id).stage == Stage.SQL


def test_the_ae_gives_it_back(people: dict[str, User]) -> None:
    handoff = return_handoff(
        handoff=handed(people), by=people["ae"], reason=" No budget owner ", now=LATER
    )
    item = ReviewItem.objects.open().get(lead=handoff.lead)
    running = SLATimer.objects.get(lead=handoff.lead, state=TimerState.RUNNING)
    assert (handoff.state, handoff.return_reason) == (Handoff.State.RETURNED, "No budget owner")
    assert (item.state, item.entry_reason) == (ItemState.WAITING, EntryReason.RETURNED)
    assert (running.item, running.kind, running.started_at) == (
        item,
        TimerKind.FIRST_RESPONSE,
        LATER,
    )
    assert Lead.objects.get(pk=handoff.lead_id).stage == Stage.MQL


def test_a_mail_that_waits_is_not_sent_after_a_return(people: dict[str, User]) -> None:
    return_handoff(
        handoff=handed(people), by=people["ae"], reason="Mine already", now=NOW + 5 * MINUTE
    )
    assert deliver_due(now=LATER) == 0
    assert OutboxMessage.objects.get().state == OutboxMessage.State.CANCELLED


def test_a_returned_lead_can_be_accepted_again(people: dict[str, User]) -> None:
    handoff = return_handoff(handoff=handed(people), by=people["ae"], reason="Later", now=LATER)
    item = ReviewItem.objects.open().get(lead=handoff.lead)
    item = claim_item(item=item, by=people["sdr"], now=LATER + MINUTE)
    decision = accept_lead(
        item=item, token=item.token, by=people["sdr"], to=people["ae"], now=LATER + 2 * MINUTE
    )
    assert decision.handoff.state == Handoff.State.WAITING
    assert OutboxMessage.objects.get(decision=decision).key.endswith(":handoff:2")


@pytest.mark.parametrize("role", [Role.SDR, Role.MANAGER, Role.ADMIN, Role.MARKETING])
def test_it_refuses_the_wrong_role(people: dict[str, User], role: str) -> None:
    handoff = handed(people)
    with pytest.raises(PermissionDenied):
        take_handoff(handoff=handoff, by=people[role], now=LATER)
    with pytest.raises(PermissionDenied):
        return_handoff(handoff=handoff, by=people[role], reason="x", now=LATER)


def test_it_refuses_another_ae(people: dict[str, User]) -> None:
    other = factories.person(Role.AE, people["ae"].team)
    handoff = handed(people)
    with pytest.raises(NotHolder):
        take_handoff(handoff=handoff, by=other, now=LATER)
    with pytest.raises(NotHolder):
        return_handoff(handoff=handoff, by=other, reason="x", now=LATER)


@pytest.mark.parametrize("reason", ["", "   ", "x" * 301])
def test_returning_wants_a_short_reason(people: dict[str, User], reason: str) -> None:
    with pytest.raises(DecisionIncomplete):
        return_handoff(handoff=handed(people), by=people["ae"], reason=reason, now=LATER)


def test_it_refuses_twice(people: dict[str, User]) -> None:
    handoff = take_handoff(handoff=handed(people), by=people["ae"], now=LATER)
    with pytest.raises(HandoffAnswered, match="answered at 09:20: Taken"):
        take_handoff(handoff=handoff, by=people["ae"], now=LATER + MINUTE)
    with pytest.raises(HandoffAnswered):
        return_handoff(handoff=handoff, by=people["ae"], reason="x", now=LATER + MINUTE)


def test_it_refuses_what_was_undone(people: dict[str, User]) -> None:
    decision = accepted(people)
    undo_decision(decision=decision, by=people["sdr"], now=decision.at + dt.timedelta(seconds=9))
    with pytest.raises(HandoffAnswered, match="Undone"):
        take_handoff(handoff=decision.handoff, by=people["ae"], now=LATER)


def test_the_database_refuses_a_return_without_reason(people: dict[str, User]) -> None:
    handoff = handed(people)
    with pytest.raises(IntegrityError), transaction.atomic():
        Handoff.objects.filter(pk=handoff.pk).update(state=Handoff.State.RETURNED)


@pytest.mark.django_db(transaction=True)
def test_take_return_and_undo_at_once_have_one_winner(people: dict[str, User]) -> None:
    decision = accepted(people)
    moment = decision.at + dt.timedelta(seconds=10)
    works: list[Callable[[], object]] = [
        lambda: take_handoff(
            handoff=Handoff.objects.get(decision=decision), by=people["ae"], now=moment
        ),
        lambda: return_handoff(
            handoff=Handoff.objects.get(decision=decision), by=people["ae"], reason="x", now=moment
        ),
        lambda: undo_decision(decision=decision, by=people["sdr"], now=moment),
    ]
    start = threading.Barrier(len(works))
    winners: list[int] = []

    def run(number: int) -> None:
        try:
            start.wait()
            works[number]()
            winners.append(number)
        except Exception:  # noqa: BLE001, S110 - losing is what the others are for
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    handoff = Handoff.objects.get(decision=decision)
    (winner,) = winners
    assert handoff.state == ("accepted", "returned", "cancelled")[winner]
    assert handoff.lead.stage == (Stage.SQL, Stage.MQL, Stage.WORKING)[winner]
    assert ReviewItem.objects.open().filter(lead=handoff.lead).count() == int(winner > 0)
