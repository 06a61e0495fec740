"""Work on an erased lead ends, and nothing brings it back."""

from __future__ import annotations

import datetime as dt

import pytest

from crm.models import Lead, User
from crm.stages import Stage
from qualification.choices import CloseReason, ItemState, TimerState
from qualification.exceptions import (
    AlreadyDecided,
    LeadErased,
    NotOverturnable,
    UndoExpired,
)
from qualification.handoff.answers import take_handoff
from qualification.invariants import violations
from qualification.models import (
    ChecklistAnswer,
    Decision,
    Handoff,
    NurturePlan,
    OutboxMessage,
    ReviewItem,
    SLATimer,
)
from qualification.review import decisions
from qualification.review.decisions import overturn_rejection, undo_decision
from qualification.review.facts import edit_facts
from qualification.review.queue import apply_line
from tests import factories
from tests.qualification import decision_support, queue_support
from tests.qualification.decision_support import MINUTE, NOW
from tests.qualification.personal import canary
from tests.qualification.personal.erasing import LATER, lead

__all__ = ["lead"]
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("state", ["new", "waiting", "claimed", "owned", "nurture", "rule"])
def test_work_on_the_lead_ends(state: str, people: dict[str, User]) -> None:
    lead = lead_in(state, people)
    canary.erased(lead, people, now=LATER)
    lead.refresh_from_db()
    assert (lead.stage, lead.disqualified_by) == (Stage.DISQUALIFIED, "person")
    assert not ReviewItem.objects.open().filter(lead=lead).exists()
    assert not SLATimer.objects.filter(lead=lead, state__in=["running", "paused"]).exists()
    assert not NurturePlan.objects.waiting().filter(lead=lead).exists()
    if state in ("waiting", "claimed", "owned"):
        item = ReviewItem.objects.get(lead=lead)
        assert item.close_reason == CloseReason.ERASED
        timers = SLATimer.objects.filter(item=item).order_by("pk")
        assert timers.last().state == TimerState.CANCELLED  # type: ignore[union-attr]
    assert violations(now=LATER) == []


def lead_in(state: str, people: dict[str, User]) -> Lead:
    sdr = people["sdr"]
    if state in ("claimed", "owned"):
        return decision_support.held_item(sdr, state).lead
    if state == "nurture":
        lead = decision_support.nurtured(sdr).lead
    elif state == "waiting":
        lead = decision_support.waiting_item(sdr.team).lead
    else:
        lead = factories.LeadFactory(team=sdr.team)
    if state == "rule":
        queue_support.give_score(lead, 700, disqualified="student")
        apply_line([lead.pk], model=queue_support.active_model(), now=NOW)
    lead.refresh_from_db()
    return lead


def test_a_rule_has_no_say_over_an_erased_lead(people: dict[str, User]) -> None:
    """Scored anew, the blank facts disqualify nobody: the lead must not come back by that."""
    lead = lead_in("rule", people)
    assert lead.disqualified_by == "rule"
    canary.erased(lead, people, now=LATER)
    queue_support.give_score(lead, 700)
    apply_line([lead.pk], model=queue_support.active_model(), now=LATER)
    lead.refresh_from_db()
    assert lead.stage == Stage.DISQUALIFIED


def test_messages_that_wait_are_called_back(people: dict[str, User]) -> None:
    decision = decision_support.accepted(people)
    canary.erased(decision.lead, people, now=LATER)
    assert OutboxMessage.objects.get().state == OutboxMessage.State.CANCELLED
    assert Handoff.objects.get().state == Handoff.State.CANCELLED
    assert violations(now=LATER) == []


def test_what_an_ae_took_stays_counted(people: dict[str, User]) -> None:
    decision = decision_support.accepted(people)
    take_handoff(handoff=decision.handoff, by=people["ae"], now=NOW + 6 * MINUTE)
    canary.erased(decision.lead, people, now=LATER)
    decision.lead.refresh_from_db()
    handoff = Handoff.objects.get()
    assert (decision.lead.stage, handoff.state) == (Stage.SQL, Handoff.State.ACCEPTED)
    assert handoff.packet["lead"]["name"] == f"Lead {decision.lead_id}"
    assert violations(now=LATER) == []


def test_a_decision_after_it_is_refused(people: dict[str, User]) -> None:
    """C3: the page was drawn before."""
    item = decision_support.held_item(people["sdr"], ItemState.OWNED)
    canary.erased(item.lead, people, now=LATER)
    with pytest.raises(AlreadyDecided, match="Personal data erased"):
        decisions.reject_lead(
            item=item,
            token=item.token,
            by=people["sdr"],
            reason=decision_support.reason("too_small"),
            now=LATER,
        )
    assert not Decision.objects.exists()


def test_nothing_is_written_down_about_them_after_it(people: dict[str, User]) -> None:
    """The page was drawn before: neither an answer nor a fact."""
    erased = decision_support.held_item(people["sdr"], ItemState.OWNED).lead
    canary.erased(erased, people, now=LATER)
    with pytest.raises(LeadErased):
        decision_support.answer(erased, "budget", people["sdr"], now=LATER)
    with pytest.raises(LeadErased):
        edit_facts(lead=erased, texts={"title": "CFO"}, by=people["sdr"], now=LATER)
    assert not ChecklistAnswer.objects.exists()


def test_no_way_back_by_undo_or_overturn(people: dict[str, User]) -> None:
    decision = decision_support.rejected(people["sdr"], now=LATER)
    canary.erased(decision.lead, people, now=LATER)
    second = dt.timedelta(seconds=1)
    with pytest.raises(UndoExpired, match="erased"):
        undo_decision(decision=decision, by=people["sdr"], now=LATER + second)
    with pytest.raises(NotOverturnable, match="erased"):
        overturn_rejection(decision=decision, by=people["manager"], note="Again", now=LATER)
    decision.lead.refresh_from_db()
    assert decision.lead.stage == Stage.DISQUALIFIED
