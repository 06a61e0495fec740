"""Reject: works, wrong role, wrong state, stale, twice, concurrently."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import PermissionDenied

from crm.models import Lead, StageEvent, User
from crm.roles import Role
from crm.stages import Stage
from qualification.choices import (
    CloseReason,
    DecisionKind,
    ItemState,
    TimerKind,
    TimerState,
    TouchKind,
    TouchResult,
)
from qualification.exceptions import (
    AlreadyDecided,
    DecisionIncomplete,
    NotHolder,
    StaleForm,
    TooFewAttempts,
)
from qualification.models import Decision, ReviewItem, SLATimer
from qualification.review.claims import claim_item, expire_leases, reassign_item, release_item
from qualification.review.decisions import reject_lead
from qualification.review.touches import log_touch
from tests import factories
from tests.factories import NOW
from tests.qualification.decision_support import MINUTE, held_item, reason, rejected, waiting_item

LATER = NOW + 5 * MINUTE
pytestmark = pytest.mark.django_db


def reject(item: ReviewItem, by: User, key: str = "too_small", **given: object) -> Decision:
    given = {"token": item.token, "now": LATER} | given
    return reject_lead(item=item, by=by, reason=reason(key), **given)


def test_it_rejects(people: dict[str, User]) -> None:
    item = held_item(people["sdr"], ItemState.OWNED)

    decision = reject(item, people["sdr"], note="  180 people only ")

    item.refresh_from_db()
    item.lead.refresh_from_db()
    assert (decision.kind, decision.reason, decision.note, decision.by, decision.at) == (
        DecisionKind.REJECT,
        reason("too_small"),
        "180 people only",
        people["sdr"],
        LATER,
    )
    assert (item.state, item.close_reason) == (ItemState.CLOSED, CloseReason.DECIDED)
    assert (item.lead.stage, item.lead.disqualified_by) == (Stage.DISQUALIFIED, "person")
    last = StageEvent.objects.filter(lead=item.lead).latest("id")
    assert (last.to_stage, last.by, last.at) == (Stage.DISQUALIFIED, people["sdr"], LATER)
    assert not SLATimer.objects.filter(item=item, state=TimerState.RUNNING).exists()


def test_it_stops_the_first_response_of_a_claim_without_touch(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])

    reject(item, people["sdr"])

    timer = SLATimer.objects.get(item=item, kind=TimerKind.FIRST_RESPONSE)
    assert (timer.state, timer.stopped_at) == (TimerState.STOPPED, LATER)


def test_it_refuses_without_a_reason(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    with pytest.raises(DecisionIncomplete):
        reject_lead(item=item, token=item.token, by=people["sdr"], reason=None, now=LATER)  # type: ignore[arg-type]


def test_it_refuses_a_reason_that_was_switched_off(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    off = reason("too_small")
    type(off).objects.filter(pk=off.pk).update(is_active=False)
    with pytest.raises(DecisionIncomplete):
        reject_lead(item=item, token=item.token, by=people["sdr"], reason=off, now=LATER)


def test_it_wants_a_note_for_other(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    with pytest.raises(DecisionIncomplete, match="note"):
        reject(item, people["sdr"], "other", note="  ")
    assert reject(item, people["sdr"], "other", note="A school project").note


def test_it_wants_the_attempts_before_unreachable(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    for _ in range(4):
        log_touch(
            item=item,
            by=people["sdr"],
            kind=TouchKind.CALL,
            result=TouchResult.NO_ANSWER,
            now=NOW + 2 * MINUTE,
        )
    with pytest.raises(TooFewAttempts, match="5 attempts; there were 4"):
        reject(item, people["sdr"], "unreachable")
    with pytest.raises(TooFewAttempts):
        reject(item, people["sdr"], "unreachable", override_reason="I am sure")
    log_touch(
        item=item,
        by=people["sdr"],
        kind=TouchKind.MAIL,
        result=TouchResult.SENT,
        now=NOW + 3 * MINUTE,
    )
    assert reject(item, people["sdr"], "unreachable").override_reason == ""


def test_a_manager_passes_the_attempts_with_a_reason(people: dict[str, User]) -> None:
    item = held_item(people["manager"])
    with pytest.raises(TooFewAttempts, match="there were 0"):
        reject(item, people["manager"], "unreachable")
    decision = reject(item, people["manager"], "unreachable", override_reason="Number is dead")
    assert decision.override_reason == "Number is dead"


@pytest.mark.parametrize("role", [Role.AE, Role.MARKETING])
def test_it_refuses_the_wrong_role(people: dict[str, User], role: str) -> None:
    item = held_item(people["sdr"])
    with pytest.raises(PermissionDenied):
        reject(item, people[role])


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ADMIN])
def test_it_refuses_who_does_not_hold_it(people: dict[str, User], role: str) -> None:
    item = held_item(people["sdr"])
    with pytest.raises(NotHolder, match="Maya holds this lead"):
        reject(item, people[role])


def test_it_refuses_another_team_without_a_name(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    stranger = factories.person(Role.SDR, factories.TeamFactory())
    with pytest.raises(NotHolder) as refusal:
        reject(item, stranger)
    assert people["sdr"].first_name not in str(refusal.value)


def test_it_refuses_a_waiting_item(people: dict[str, User], team: object) -> None:
    item = waiting_item(people["sdr"].team)
    with pytest.raises(NotHolder, match="Claim it first"):
        reject(item, people["sdr"])


def test_it_refuses_after_the_lease(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    assert item.lease_until is not None
    with pytest.raises(NotHolder, match=r"Your claim ended at 09:31; nobody holds this lead now."):
        reject(item, people["sdr"], now=item.lease_until)
    expire_leases(now=item.lease_until)
    with pytest.raises(NotHolder, match=r"Your claim ended at 09:31; nobody holds this lead now."):
        reject(item, people["sdr"], now=item.lease_until + MINUTE)


def test_it_names_who_claimed_it_since(people: dict[str, User]) -> None:
    jonas = factories.person(Role.SDR, people["sdr"].team, first_name="Jonas")
    item = held_item(people["sdr"])
    assert item.lease_until is not None
    claim_item(item=item, by=jonas, now=item.lease_until)
    with pytest.raises(NotHolder, match=r"Your claim ended at 09:31; Jonas holds it."):
        reject(item, people["sdr"], now=item.lease_until + MINUTE)


def test_it_names_who_got_it_by_reassignment(people: dict[str, User]) -> None:
    jonas = factories.person(Role.SDR, people["sdr"].team, first_name="Jonas")
    item = held_item(people["sdr"])
    reassign_item(item=item, to=jonas, by=people["manager"], now=NOW + 3 * MINUTE)
    with pytest.raises(NotHolder, match=r"Your claim ended at 09:03; Jonas holds it."):
        reject(item, people["sdr"])


def test_it_refuses_a_page_from_before_release_and_new_claim(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    release_item(item=item, by=people["sdr"], now=NOW + 2 * MINUTE)
    claim_item(item=item, by=people["sdr"], now=NOW + 3 * MINUTE)
    with pytest.raises(StaleForm):
        reject(item, people["sdr"], token=item.token)


def test_it_refuses_twice(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    reject(item, people["sdr"])
    with pytest.raises(AlreadyDecided, match=r"You rejected this lead at 09:05."):
        reject(item, people["sdr"])
    assert Decision.objects.filter(lead=item.lead).count() == 1


def test_it_tells_others_who_decided_and_when(people: dict[str, User]) -> None:
    people["sdr"].first_name = "Aisha"
    people["sdr"].save()
    decision = rejected(people["sdr"])
    with pytest.raises(AlreadyDecided, match=r"Aisha rejected this lead at 09:05."):
        reject(decision.item, people["manager"])
    tomorrow = LATER + dt.timedelta(days=1)
    with pytest.raises(AlreadyDecided, match=r"Aisha rejected this lead at 23 Nov 09:05."):
        reject(decision.item, people["manager"], now=tomorrow)


def test_a_refusal_changes_nothing(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    before = Lead.objects.values().get(pk=item.lead_id)
    with pytest.raises(DecisionIncomplete):
        reject(item, people["sdr"], "other")
    assert Lead.objects.values().get(pk=item.lead_id) == before
    assert not Decision.objects.exists()
