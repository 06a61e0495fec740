"""A waiting handoff goes to another desk: by a manager, with a reason, under a fresh clock."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction

from crm.models import Lead, Team, User
from crm.roles import Role
from qualification.choices import TimerState
from qualification.exceptions import DecisionIncomplete, HandoffAnswered, NotHolder
from qualification.handoff.answers import return_handoff, take_handoff
from qualification.handoff.moves import move_handoff
from qualification.invariants import violations
from qualification.models import (
    Handoff,
    HandoffMove,
    ItemEvent,
    Notice,
    OutboxMessage,
    SLAEvent,
    SLATimer,
)
from qualification.review.decisions import undo_decision
from qualification.sweeps import deliver_due
from tests import factories
from tests.factories import NOW
from tests.qualification.decision_support import MINUTE, accepted

LATER = NOW + 20 * MINUTE
WHY = "Elena is on leave"
pytestmark = pytest.mark.django_db


@pytest.fixture
def handoff(people: dict[str, User]) -> Handoff:
    return accepted(people).handoff


@pytest.fixture
def bea(team: Team) -> User:
    return factories.person(Role.AE, team, first_name="Bea", email="bea@example.com")


def move(handoff: Handoff, to: User, by: User, now: dt.datetime = LATER) -> HandoffMove:
    return move_handoff(handoff=handoff, to=to, by=by, reason=f" {WHY} ", now=now)


def test_it_goes_to_the_other_desk(handoff: Handoff, people: dict[str, User], bea: User) -> None:
    packet, first = handoff.packet, people["ae"]
    moved = move(handoff, bea, people["manager"])
    handoff.refresh_from_db()
    assert (moved.from_ae, moved.to_ae, moved.by, moved.reason) == (
        first,
        bea,
        people["manager"],
        WHY,
    )
    assert (handoff.ae, handoff.state, handoff.packet) == (bea, Handoff.State.WAITING, packet)
    assert handoff.decision.ae == first
    seen = Lead.objects.visible_to
    assert seen(bea).filter(pk=handoff.lead_id).exists()
    assert not seen(first).filter(pk=handoff.lead_id).exists()
    event = ItemEvent.objects.get(verb="handoff:moved")
    assert (event.by, event.note) == (people["manager"], WHY)
    assert violations(now=LATER) == []


def test_the_new_desk_has_a_clock_of_its_own(
    handoff: Handoff, people: dict[str, User], bea: User
) -> None:
    move(handoff, bea, people["manager"])
    old, new = SLATimer.objects.filter(kind="handoff_acceptance").order_by("pk")
    assert (old.state, old.stopped_at) == (TimerState.CANCELLED, LATER)
    assert (new.state, new.started_at) == (TimerState.RUNNING, LATER)
    assert new.due_at - new.started_at == old.due_at - old.started_at


def test_a_breach_of_the_old_desk_stands(
    handoff: Handoff, people: dict[str, User], bea: User
) -> None:
    old = SLATimer.objects.get(kind="handoff_acceptance")
    move(handoff, bea, people["manager"], now=old.due_at + MINUTE)
    breach = SLAEvent.objects.get(timer=old, level="breach")
    assert breach.at == old.due_at


def test_only_the_new_desk_gets_the_mail(
    handoff: Handoff, people: dict[str, User], bea: User, mailoutbox: list[object]
) -> None:
    move(handoff, bea, people["manager"], now=handoff.created_at)
    first, second = OutboxMessage.objects.order_by("pk")
    assert first.state == OutboxMessage.State.CANCELLED
    assert second.key == first.key + ":moved:1"
    assert second.not_before == first.not_before
    assert deliver_due(now=LATER) == 1
    (mail,) = mailoutbox
    assert mail.to == ["bea@example.com"]  # type: ignore[attr-defined]


def test_it_tells_the_sdr_and_the_old_desk(
    handoff: Handoff, people: dict[str, User], bea: User
) -> None:
    move(handoff, bea, people["manager"])
    told = {notice.person: notice for notice in Notice.objects.filter(kind="handoff_moved")}
    assert set(told) == {people["sdr"], people["ae"]}
    assert told[people["sdr"]].lead == handoff.lead
    assert told[people["ae"]].lead is None


def test_the_new_ae_answers_and_the_old_one_cannot(
    handoff: Handoff, people: dict[str, User], bea: User
) -> None:
    move(handoff, bea, people["manager"])
    with pytest.raises(NotHolder, match="another AE"):
        take_handoff(handoff=handoff, by=people["ae"], now=LATER + MINUTE)
    assert take_handoff(handoff=handoff, by=bea, now=LATER + MINUTE).state == "accepted"


def test_it_can_move_on_and_come_back(handoff: Handoff, people: dict[str, User], bea: User) -> None:
    move(handoff, bea, people["manager"])
    move(handoff, people["ae"], people["manager"], now=LATER + MINUTE)
    assert handoff.ae == people["ae"]
    assert OutboxMessage.objects.order_by("pk").last().key.endswith(":moved:2")  # type: ignore[union-attr]
    assert violations(now=LATER) == []


def test_a_decision_is_undone_after_a_move(
    handoff: Handoff, people: dict[str, User], bea: User
) -> None:
    at = handoff.created_at + dt.timedelta(seconds=5)
    move(handoff, bea, people["manager"], now=at)
    undo_decision(decision=handoff.decision, by=people["sdr"], now=at + dt.timedelta(seconds=5))
    handoff.refresh_from_db()
    assert handoff.state == Handoff.State.CANCELLED
    assert violations(now=at + dt.timedelta(seconds=6)) == []
    assert deliver_due(now=LATER) == 0


@pytest.mark.parametrize("role", [Role.SDR, Role.AE, Role.MARKETING])
def test_it_refuses_the_wrong_role(
    handoff: Handoff, people: dict[str, User], bea: User, role: str
) -> None:
    with pytest.raises(PermissionDenied):
        move(handoff, bea, people[role])


def test_it_refuses_a_manager_of_another_team(handoff: Handoff, bea: User) -> None:
    stranger = factories.person(Role.MANAGER, factories.TeamFactory(name="US"))
    with pytest.raises(NotHolder):
        move(handoff, bea, stranger)


@pytest.mark.parametrize("reason", ["", "   ", "x" * 301])
def test_it_wants_a_short_reason(
    handoff: Handoff, people: dict[str, User], bea: User, reason: str
) -> None:
    with pytest.raises(DecisionIncomplete):
        move_handoff(handoff=handoff, to=bea, by=people["manager"], reason=reason, now=LATER)


def test_it_refuses_desks_that_take_nothing(handoff: Handoff, people: dict[str, User]) -> None:
    gone = factories.person(Role.AE, people["ae"].team, is_active=False)
    for to in (people["sdr"], gone):
        with pytest.raises(NotHolder, match="takes no handoffs"):
            move(handoff, to, people["manager"])


def test_it_refuses_the_same_desk_twice(
    handoff: Handoff, people: dict[str, User], bea: User
) -> None:
    move(handoff, bea, people["manager"])
    with pytest.raises(DecisionIncomplete, match="already"):
        move(handoff, bea, people["manager"])
    assert HandoffMove.objects.count() == 1


def test_it_refuses_what_was_answered(handoff: Handoff, people: dict[str, User], bea: User) -> None:
    return_handoff(handoff=handoff, by=people["ae"], reason="Not mine", now=LATER)
    with pytest.raises(HandoffAnswered, match="Returned"):
        move(handoff, bea, people["manager"], now=LATER + MINUTE)


def test_the_database_refuses_a_move_to_nowhere(
    handoff: Handoff, people: dict[str, User], bea: User
) -> None:
    moved = move(handoff, bea, people["manager"])
    with pytest.raises(IntegrityError), transaction.atomic():
        HandoffMove.objects.create(
            handoff=handoff, from_ae=bea, to_ae=bea, by=people["manager"], reason="x", at=LATER
        )
    with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
        HandoffMove.objects.filter(pk=moved.pk).update(reason="other")


@pytest.mark.django_db(transaction=True)
def test_take_and_move_at_once_have_one_winner(people: dict[str, User], bea: User) -> None:
    handoff = accepted(people).handoff
    start = threading.Barrier(2)
    lost: list[Exception] = []

    def run(is_move: bool) -> None:
        try:
            start.wait()
            mine = Handoff.objects.get(pk=handoff.pk)
            if is_move:
                move(mine, bea, people["manager"])
            else:
                take_handoff(handoff=mine, by=people["ae"], now=LATER)
        except (HandoffAnswered, NotHolder) as refused:
            lost.append(refused)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(is_move,)) for is_move in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    handoff.refresh_from_db()
    assert len(lost) == 1
    is_moved = HandoffMove.objects.exists()
    assert (handoff.ae, handoff.state) == (
        (bea, "waiting") if is_moved else (people["ae"], "accepted")
    )
    deliver_due(now=LATER)  # whoever won, a mail of the acceptance has been due since then
    assert violations(now=LATER) == []
