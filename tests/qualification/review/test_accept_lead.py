"""Accept: works, gate, override, wrong AE, wrong role, twice, concurrently."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from crm.models import User
from crm.roles import Role
from crm.stages import Stage
from qualification.choices import AnswerState, DecisionKind, ItemState, TimerKind, TimerState
from qualification.exceptions import AlreadyDecided, ChecklistIncomplete, DecisionIncomplete
from qualification.models import Decision, Framework, Handoff, OutboxMessage, ReviewItem, SLATimer
from qualification.review.decisions import accept_lead
from qualification.review.frameworks import switch_framework
from tests import factories
from tests.factories import NOW
from tests.qualification.decision_support import (
    MINUTE,
    accepted,
    answer,
    answer_required,
    held_item,
)

LATER = NOW + 5 * MINUTE
pytestmark = pytest.mark.django_db


def accept(item: ReviewItem, by: User, ae: User, **given: Any) -> Decision:
    return accept_lead(item=item, by=by, to=ae, **({"token": item.token, "now": LATER} | given))


def test_it_accepts(people: dict[str, User]) -> None:
    item = held_item(people["sdr"], ItemState.OWNED)
    answer_required(item.lead, people["sdr"])

    decision = accept(item, people["sdr"], people["ae"], note="Call before noon")

    item.refresh_from_db()
    item.lead.refresh_from_db()
    assert (decision.kind, decision.ae, decision.note) == (
        DecisionKind.ACCEPT,
        people["ae"],
        "Call before noon",
    )
    assert decision.override_reason == ""
    assert (item.state, item.lead.stage) == (ItemState.CLOSED, Stage.SQL)


def test_the_ae_gets_handoff_clock_and_mail_after_the_undo_time(people: dict[str, User]) -> None:
    decision = accepted(people)

    handoff = Handoff.objects.get(decision=decision)
    timer = SLATimer.objects.get(item=decision.item, state=TimerState.RUNNING)
    mail = OutboxMessage.objects.get(decision=decision)
    assert (handoff.ae, handoff.state) == (people["ae"], Handoff.State.WAITING)
    assert (timer.kind, timer.started_at) == (TimerKind.HANDOFF_ACCEPTANCE, LATER)
    assert mail.key == f"lead:{decision.lead_id}:handoff:1"
    assert mail.not_before == mail.due_at == LATER + dt.timedelta(seconds=30)


def test_it_refuses_with_required_answers_open(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    answer(item.lead, "budget", people["sdr"], state=AnswerState.UNKNOWN, value=None)
    answer(item.lead, "pain", people["sdr"])
    with pytest.raises(ChecklistIncomplete, match="Authority, Timing") as refusal:
        accept(item, people["sdr"], people["ae"])
    assert refusal.value.missing == ["Authority", "Timing"]
    assert not Decision.objects.exists()
    assert not OutboxMessage.objects.exists()


def test_an_sdr_cannot_override(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    with pytest.raises(ChecklistIncomplete, match="ask a manager"):
        accept(item, people["sdr"], people["ae"], override_reason="Trust me")


def test_a_manager_overrides_with_a_reason(people: dict[str, User]) -> None:
    item = held_item(people["manager"])
    with pytest.raises(ChecklistIncomplete, match="Say why"):
        accept(item, people["manager"], people["ae"], override_reason=" ")
    decision = accept(item, people["manager"], people["ae"], override_reason="AE asks in the demo")
    assert decision.override_reason == "AE asks in the demo"


def test_an_override_that_was_not_needed_is_not_counted(people: dict[str, User]) -> None:
    item = held_item(people["manager"])
    answer_required(item.lead, people["manager"])
    decision = accept(item, people["manager"], people["ae"], override_reason="Just in case")
    assert decision.override_reason == ""


def test_the_gate_is_that_of_the_items_framework(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    answer_required(item.lead, people["sdr"])
    switch_framework(
        item=item,
        framework=Framework.objects.get(key="champ"),
        by=people["sdr"],
        now=NOW + 3 * MINUTE,
    )
    with pytest.raises(ChecklistIncomplete, match="Priority"):
        accept(item, people["sdr"], people["ae"])


@pytest.mark.parametrize("role", [Role.SDR, Role.MANAGER, Role.ADMIN, Role.MARKETING])
def test_it_refuses_somebody_who_is_no_ae(people: dict[str, User], role: str) -> None:
    item = held_item(people["sdr"])
    answer_required(item.lead, people["sdr"])
    with pytest.raises(DecisionIncomplete, match="takes no handoffs"):
        accept(item, people["sdr"], people[role])


def test_it_refuses_an_ae_who_left(people: dict[str, User]) -> None:
    gone = factories.person(Role.AE, people["sdr"].team, is_active=False)
    item = held_item(people["sdr"])
    answer_required(item.lead, people["sdr"])
    with pytest.raises(DecisionIncomplete):
        accept(item, people["sdr"], gone)


@pytest.mark.parametrize("role", [Role.AE, Role.MARKETING])
def test_it_refuses_the_wrong_role(people: dict[str, User], role: str) -> None:
    item = held_item(people["sdr"])
    with pytest.raises(PermissionDenied):
        accept(item, people[role], people["ae"])


def test_it_refuses_twice(people: dict[str, User]) -> None:
    decision = accepted(people)
    with pytest.raises(AlreadyDecided, match=r"You accepted this lead at 09:05."):
        accept(decision.item, people["sdr"], people["ae"])
    assert Handoff.objects.count() == OutboxMessage.objects.count() == 1


def test_the_ae_sees_the_lead_from_now_on(people: dict[str, User]) -> None:
    stranger = factories.person(Role.AE, people["sdr"].team)
    decision = accepted(people)
    assert type(decision.lead).objects.visible_to(people["ae"]).get() == decision.lead
    assert not type(decision.lead).objects.visible_to(stranger).exists()
