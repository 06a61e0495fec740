"""Overturn: a manager puts back what a colleague rejected; the label is taken back."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction

from crm.models import Lead, User
from crm.roles import Role
from crm.stages import Stage
from qualification.choices import DecisionKind, EntryReason, ItemState, TimerKind, TimerState
from qualification.exceptions import DecisionIncomplete, NotOverturnable
from qualification.models import Decision, ReviewItem, SLATimer
from qualification.review.decisions import overturn_rejection, undo_decision
from qualification.review.queue import apply_line
from tests import factories
from tests.factories import NOW
from tests.qualification import queue_support
from tests.qualification.decision_support import MINUTE, accepted, nurtured, rejected

LATER = NOW + dt.timedelta(days=2)
pytestmark = pytest.mark.django_db


def overturn(decision: Decision, by: User, note: str = "They have 400 people") -> Decision:
    return overturn_rejection(decision=decision, by=by, note=note, now=LATER)


def test_it_puts_the_lead_back_with_a_fresh_clock(people: dict[str, User]) -> None:
    decision = rejected(people["sdr"])

    reversal = overturn(decision, people["manager"])

    item = ReviewItem.objects.open().get(lead=decision.lead)
    timer = SLATimer.objects.get(item=item, state=TimerState.RUNNING)
    lead = Lead.objects.get(pk=decision.lead_id)
    assert (reversal.kind, reversal.reverses, reversal.note, reversal.by) == (
        DecisionKind.OVERTURNED,
        decision,
        "They have 400 people",
        people["manager"],
    )
    assert (item.state, item.entry_reason) == (ItemState.WAITING, EntryReason.OVERTURNED)
    assert (timer.kind, timer.started_at) == (TimerKind.FIRST_RESPONSE, LATER)
    assert (lead.stage, lead.disqualified_by) == (Stage.MQL, "")


def test_the_label_is_taken_back(people: dict[str, User]) -> None:
    decision = rejected(people["sdr"])
    assert decision in Decision.objects.standing()
    overturn(decision, people["manager"])
    assert not Decision.objects.standing().exists()


def test_an_admin_may_overturn_anywhere(people: dict[str, User]) -> None:
    assert overturn(rejected(people["sdr"]), people["admin"])


@pytest.mark.parametrize("role", [Role.SDR, Role.AE, Role.MARKETING])
def test_it_refuses_the_wrong_role(people: dict[str, User], role: str) -> None:
    with pytest.raises(PermissionDenied):
        overturn(rejected(people["sdr"]), people[role])


def test_it_refuses_another_teams_lead(people: dict[str, User]) -> None:
    stranger = factories.person(Role.MANAGER, factories.TeamFactory())
    with pytest.raises(NotOverturnable, match="another team"):
        overturn(rejected(people["sdr"]), stranger)


def test_it_refuses_ones_own_rejection(people: dict[str, User]) -> None:
    decision = rejected(people["manager"])
    with pytest.raises(NotOverturnable, match="yourself"):
        overturn(decision, people["manager"])
    assert overturn(decision, factories.person(Role.MANAGER, people["sdr"].team))


def test_it_wants_a_note(people: dict[str, User]) -> None:
    with pytest.raises(DecisionIncomplete):
        overturn(rejected(people["sdr"]), people["manager"], note=" ")


def test_it_refuses_twice(people: dict[str, User]) -> None:
    decision = rejected(people["sdr"])
    overturn(decision, people["manager"])
    with pytest.raises(NotOverturnable, match="already"):
        overturn(decision, people["manager"])


def test_it_refuses_what_was_undone(people: dict[str, User]) -> None:
    decision = rejected(people["sdr"])
    undo_decision(decision=decision, by=people["sdr"], now=decision.at + MINUTE / 6)
    with pytest.raises(NotOverturnable):
        overturn(decision, people["manager"])


def test_only_rejections_are_overturned(people: dict[str, User]) -> None:
    with pytest.raises(NotOverturnable, match="Only a rejection"):
        overturn(accepted(people), people["manager"])
    with pytest.raises(NotOverturnable, match="Only a rejection"):
        overturn(nurtured(people["sdr"]), people["manager"])


def test_the_database_refuses_a_second_reversal(people: dict[str, User]) -> None:
    decision = rejected(people["sdr"])
    reversal = overturn(decision, people["manager"])
    reversal.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        reversal.save(force_insert=True)


def test_a_rule_does_not_take_out_what_a_person_brought_back(people: dict[str, User]) -> None:
    decision = rejected(people["sdr"])
    queue_support.give_score(decision.lead, 900, disqualified="competitor")
    later = decision.at + MINUTE
    overturn_rejection(decision=decision, by=people["manager"], note="Not one", now=later)
    apply_line([decision.lead_id], model=queue_support.active_model(), now=later)
    decision.lead.refresh_from_db()
    assert decision.lead.stage == Stage.MQL
