"""A hot lead is rejected by two people where policy says so: one asks, a manager agrees."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.test import Client

from crm.models import User
from qualification.exceptions import NeedsSecondPerson, NotHolder
from qualification.models import Decision, LeadScore, Notice, ReviewItem, ScoringModel
from qualification.review.claims import reassign_item
from qualification.review.decisions import reject_lead, undo_decision
from qualification.review.help_wanted import ask_manager
from tests.factories import NOW
from tests.qualification import queue_support as rows
from tests.qualification.decision_support import MINUTE, held_item, reason

LATER = NOW + 5 * MINUTE
pytestmark = pytest.mark.django_db


@pytest.fixture
def hot(settings: Any) -> ScoringModel:
    """The policy is on, and the live version calls every lead A1."""
    settings.HOT_REJECTS_NEED_TWO = True
    return rows.active_model(base_fit="30", base_intent="30")


def reject(item: ReviewItem, by: User) -> Decision:
    item.refresh_from_db()
    return reject_lead(item=item, token=item.token, by=by, reason=reason("no_use_case"), now=LATER)


def asked(people: dict[str, User]) -> ReviewItem:
    """A lead an SDR wants rejected, taken over by the manager."""
    item = held_item(people["sdr"])
    ask_manager(item=item, by=people["sdr"], note="They only wanted the whitepaper", now=LATER)
    reassign_item(item=item, to=people["manager"], by=people["manager"], now=LATER)
    return item


@pytest.mark.parametrize("role", ["sdr", "manager"])
def test_nobody_rejects_it_alone(hot: ScoringModel, people: dict[str, User], role: str) -> None:
    item = held_item(people[role])
    with pytest.raises(NeedsSecondPerson, match="Ask a manager"):
        reject(item, people[role])
    assert not Decision.objects.exists()


def test_who_asked_cannot_agree(hot: ScoringModel, people: dict[str, User]) -> None:
    item = held_item(people["manager"])
    ask_manager(item=item, by=people["manager"], now=NOW + 2 * MINUTE)
    with pytest.raises(NeedsSecondPerson):
        reject(item, people["manager"])


def test_a_manager_agrees_to_what_somebody_asked(
    hot: ScoringModel, people: dict[str, User]
) -> None:
    item = asked(people)
    assert Notice.objects.filter(person=people["manager"], kind="manager_asked").count() == 1
    decision = reject(item, people["manager"])
    assert (decision.by, decision.asked_by) == (people["manager"], people["sdr"])
    with pytest.raises(NotHolder):
        reject(held_item(people["sdr"]), people["manager"])


def test_it_can_be_undone(hot: ScoringModel, people: dict[str, User]) -> None:
    decision = reject(asked(people), people["manager"])
    undo_decision(decision=decision, by=people["manager"], now=LATER)
    assert not Decision.objects.standing().exists()


def test_what_was_asked_in_an_earlier_stay_counts_no_more(
    hot: ScoringModel, people: dict[str, User]
) -> None:
    decision = reject(asked(people), people["manager"])
    undo_decision(decision=decision, by=people["manager"], now=LATER)
    item = ReviewItem.objects.open().get(lead=decision.lead)
    with pytest.raises(NeedsSecondPerson):
        reject(item, people["manager"])


def test_without_the_policy_or_the_grade_one_is_enough(
    people: dict[str, User], settings: Any
) -> None:
    rows.active_model(base_fit="30", base_intent="30")
    assert reject(held_item(people["sdr"]), people["sdr"]).asked_by is None
    settings.HOT_REJECTS_NEED_TWO = True
    ScoringModel.objects.filter(status="active").update(status="retired", retired_at=NOW)
    rows.active_model(version=2, base_fit="30", base_intent="0")
    assert reject(held_item(people["sdr"]), people["sdr"]).asked_by is None


def test_postgresql_knows_that_two_are_two(hot: ScoringModel, people: dict[str, User]) -> None:
    decision = reject(asked(people), people["manager"])
    decision.pk, decision.asked_by = None, decision.by
    with pytest.raises(IntegrityError, match="by_two"), transaction.atomic():
        decision.save(force_insert=True)


def test_asking_needs_the_lead_in_hand(hot: ScoringModel, people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    with pytest.raises(NotHolder):
        ask_manager(item=item, by=people["manager"], now=LATER)
    with pytest.raises(PermissionDenied):
        ask_manager(item=item, by=people["ae"], now=LATER)


def test_the_dialog_offers_to_ask(
    hot: ScoringModel, people: dict[str, User], client: Client
) -> None:
    now = rows.NOW
    item = held_item(people["sdr"])
    LeadScore.objects.filter(lead=item.lead).delete()
    rows.give_score(item.lead, 600, tier="hot")
    LeadScore.objects.filter(lead=item.lead).update(grade="A1", as_of=now)
    client.force_login(people["sdr"])
    html = client.get(f"/leads/{item.lead_id}/reject/").content.decode()
    assert "rejected by two people" in html
    assert "Reject lead" not in html
    assert f"/leads/{item.lead_id}/ask-manager/" in html
