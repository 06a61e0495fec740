"""The desk of a team: every AE of it sees the handoff, one takes it, and it is theirs from then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from crm.models import Lead, Team, User
from crm.roles import Role
from qualification.choices import TimerState
from qualification.connectors.send import CRM_HANDOFF
from qualification.exceptions import DecisionIncomplete, HandoffAnswered, NotHolder
from qualification.handoff import answers, handover
from qualification.handoff.answers import return_handoff, take_handoff
from qualification.handoff.moves import move_handoff
from qualification.handoff.reads import desk_of
from qualification.invariants import violations
from qualification.models import Handoff, OutboxMessage, SLATimer
from qualification.review.decisions import accept_lead, undo_decision
from qualification.sweeps import deliver_due
from tests import factories
from tests.qualification import queue_support
from tests.qualification.crm_support import connection_to
from tests.qualification.decision_support import MINUTE
from tests.qualification.handoff.destination_support import (
    LATER,
    SOON,
    handed_to,
    partner,
    ready_item,
    team_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def bea(team: Team) -> User:
    return factories.person(Role.AE, team, first_name="Bea", email="bea@example.com")


@pytest.fixture
def handoff(people: dict[str, User], bea: User) -> Handoff:
    return handed_to(team_of(people), people)


def test_it_lies_on_the_desk_of_everybody_there(
    handoff: Handoff, people: dict[str, User], bea: User
) -> None:
    assert (handoff.target, handoff.to, handoff.ae) == ("team", bea.team, None)
    assert (handoff.decision.to, handoff.decision.ae) == (bea.team, None)
    stranger = factories.person(Role.AE, factories.TeamFactory(name="US"))
    for ae, sees in ((people["ae"], True), (bea, True), (stranger, False)):
        assert [row for row, _face in desk_of(ae, now=LATER).shared] == [handoff] * sees
        assert Lead.objects.visible_to(ae).filter(pk=handoff.lead_id).exists() is sees
    assert SLATimer.objects.get(kind="handoff_acceptance").state == TimerState.RUNNING
    assert violations(now=SOON) == []


def test_an_ae_without_a_team_has_no_desk(handoff: Handoff) -> None:
    nobody = factories.person(Role.AE, None)
    assert not Lead.objects.visible_to(nobody).exists()
    with pytest.raises(NotHolder):
        take_handoff(handoff=handoff, by=nobody, now=LATER)


def test_all_of_them_get_one_mail(
    handoff: Handoff, people: dict[str, User], mailoutbox: list[Any]
) -> None:
    assert deliver_due(now=LATER) == 1
    assert sorted(mailoutbox[0].to) == sorted([people["ae"].email, "bea@example.com"])
    assert "for your team" in mailoutbox[0].body


def test_who_takes_it_has_it(handoff: Handoff, people: dict[str, User], bea: User) -> None:
    taken = take_handoff(handoff=handoff, by=bea, now=LATER)
    assert (taken.state, taken.target, taken.ae) == (Handoff.State.ACCEPTED, "team", bea)
    assert not Lead.objects.visible_to(people["ae"]).filter(pk=handoff.lead_id).exists()
    assert Lead.objects.visible_to(bea).filter(pk=handoff.lead_id).exists()
    with pytest.raises(HandoffAnswered, match="Bea answered this at"):
        take_handoff(handoff=handoff, by=people["ae"], now=LATER + MINUTE)
    deliver_due(now=LATER)
    assert violations(now=LATER) == []


def test_the_mail_is_not_sent_once_somebody_has_it(
    handoff: Handoff, bea: User, mailoutbox: list[Any]
) -> None:
    take_handoff(handoff=handoff, by=bea, now=LATER)
    assert deliver_due(now=LATER) == 0
    assert not mailoutbox


def test_crms_hear_the_desk_then_the_person(people: dict[str, User], bea: User) -> None:
    connection_to("https://crm.example")
    handoff = handed_to(team_of(people), people)
    take_handoff(handoff=handoff, by=bea, now=LATER)
    told = OutboxMessage.objects.filter(kind=CRM_HANDOFF).order_by("pk")
    first, second = told
    assert second.key.startswith(first.key.rsplit(":crm", 1)[0] + ":taken")
    assert first.order_key == second.order_key


def test_one_of_them_gives_it_back(handoff: Handoff, people: dict[str, User], bea: User) -> None:
    returned = return_handoff(handoff=handoff, by=bea, reason="No budget", now=LATER)
    assert (returned.state, returned.ae) == (Handoff.State.RETURNED, bea)
    assert Lead.objects.get(pk=handoff.lead_id).stage == "mql"
    assert violations(now=LATER) == []


def test_it_is_undone(handoff: Handoff, people: dict[str, User]) -> None:
    undo_decision(decision=handoff.decision, by=people["sdr"], now=SOON)
    handoff.refresh_from_db()
    assert handoff.state == Handoff.State.CANCELLED
    assert violations(now=SOON) == []


def test_it_moves_to_a_person_and_back(
    handoff: Handoff, people: dict[str, User], bea: User
) -> None:
    manager, desk = people["manager"], team_of(people)
    move = move_handoff(handoff=handoff, to=bea, by=manager, reason="Hers", now=LATER)
    assert (move.from_target, move.to_target) == (desk, bea)
    assert (handoff.target, handoff.ae, handoff.team) == ("ae", bea, None)
    move_handoff(handoff=handoff, to=desk, by=manager, reason="Anybody", now=LATER)
    assert (handoff.target, handoff.ae, handoff.team) == ("team", None, desk)
    with pytest.raises(DecisionIncomplete, match="already"):
        move_handoff(handoff=handoff, to=desk, by=manager, reason="Again", now=LATER)
    deliver_due(now=LATER)
    assert violations(now=LATER) == []


def test_a_team_without_an_ae_takes_nothing(people: dict[str, User]) -> None:
    item = ready_item(people)
    empty = factories.TeamFactory(name="Nobody")
    with pytest.raises(DecisionIncomplete, match="takes no handoffs"):
        accept_lead(item=item, token=item.token, by=people["sdr"], to=empty, now=SOON)


def test_a_desk_nobody_is_left_at_is_an_alert(
    handoff: Handoff, people: dict[str, User], bea: User
) -> None:
    User.objects.filter(pk__in=[bea.pk, people["ae"].pk]).update(is_active=False)
    assert any("no place to be" in found.kind for found in violations(now=SOON))


def test_the_database_wants_exactly_the_fields_of_the_target(
    handoff: Handoff, people: dict[str, User]
) -> None:
    wrong: tuple[dict[str, object], ...] = (
        {"ae": people["ae"]},
        {"team": None},
        {"partner": partner()},
        {"target": "ae"},
        {"target": "partner"},
        {"team": None, "ae": people["ae"], "partner": partner("Other"), "target": "ae"},
    )
    for change in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            Handoff.objects.filter(pk=handoff.pk).update(**change)


def test_who_was_slower_reads_who_was_faster(
    handoff: Handoff, people: dict[str, User], bea: User, login: Callable[[User], Client]
) -> None:
    client = login(people["ae"])
    assert "On the desk of EMEA" in client.get("/handoffs/").content.decode()
    assert client.get(f"/handoffs/{handoff.pk}/").status_code == 200
    take_handoff(handoff=handoff, by=bea, now=LATER)
    refused = client.post(f"/handoffs/{handoff.pk}/take/")
    assert (refused.status_code, "Bea answered this" in refused.content.decode()) == (409, True)
    assert client.get(f"/handoffs/{handoff.pk}/").status_code == 404


def takers(handoff: Handoff, people: dict[str, User], bea: User) -> list[Callable[[], object]]:
    return [
        lambda ae=ae: take_handoff(handoff=Handoff.objects.get(pk=handoff.pk), by=ae, now=LATER)
        for ae in (people["ae"], bea)
    ]


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_has_it(people: dict[str, User], bea: User) -> None:
    handoff = handed_to(team_of(people), people)
    results = queue_support.in_threads(takers(handoff, people, bea))
    (lost,) = [result for result in results if isinstance(result, Exception)]
    assert isinstance(lost, HandoffAnswered)
    handoff.refresh_from_db()
    winner = (people["ae"], bea)[0 if isinstance(results[1], Exception) else 1]
    assert (handoff.state, handoff.ae) == (Handoff.State.ACCEPTED, winner)


@pytest.mark.django_db(transaction=True)
def test_control_without_lock_and_condition_both_believe_they_have_it(
    people: dict[str, User], bea: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same race where nothing is locked and the answer does not ask whether it waits."""
    handoff = handed_to(team_of(people), people)
    meeting = queue_support.threading.Barrier(2)

    def unlocked(found: Handoff) -> Handoff:
        row = Handoff.objects.get(pk=found.pk)
        meeting.wait(timeout=30)
        return row

    def careless(found: Handoff, *, state: str, by: User | None, **_: Any) -> None:
        Handoff.objects.filter(pk=found.pk).update(state=state, ae=by)

    monkeypatch.setattr(answers, "lock_handoff", unlocked)
    monkeypatch.setattr(answers, "_answer", careless)
    monkeypatch.setattr(handover, "lock_handoff", unlocked)
    results = queue_support.in_threads(takers(handoff, people, bea))
    assert not [result for result in results if isinstance(result, Exception)]
