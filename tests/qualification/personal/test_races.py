"""An erasure and a decision at the same moment: whoever is second finds it and is refused, or what
was decided is frozen without the person."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest
from django.db import connection, transaction

from crm.models import Erasure, Lead, User
from crm.stages import Stage
from qualification.audit.verify import verify
from qualification.choices import ItemState
from qualification.exceptions import AlreadyDecided, LeadErased
from qualification.invariants import violations
from qualification.models import Decision
from qualification.personal import erase, inventory
from qualification.personal.erase import erase_person
from qualification.personal.inventory import HELD
from qualification.review.decisions import reject_lead
from tests.qualification import decision_support, queue_support
from tests.qualification.decision_support import MINUTE, NOW
from tests.qualification.personal import canary

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOW + 5 * MINUTE
ROUNDS = 8


def test_a_decision_at_the_same_moment(people: dict[str, User]) -> None:
    reason = decision_support.reason("too_small")
    for _ in range(ROUNDS):
        item = decision_support.held_item(people["sdr"], ItemState.OWNED)
        erasure = canary.asked_for(item.lead, people, now=LATER)
        decide = partial(
            reject_lead,
            item=item,
            token=item.token,
            by=people["sdr"],
            reason=reason,
            note="kanari",
            now=LATER,
        )
        forget = partial(
            erase_person, erasure=erasure, confirmed=item.lead.name, by=people["admin"], now=LATER
        )
        decided, erased = queue_support.in_threads([decide, forget])
        assert isinstance(erased, Erasure), erased
        lead = Lead.objects.get(pk=item.lead_id)
        assert (lead.stage, lead.first_name) == (Stage.DISQUALIFIED, "")
        if isinstance(decided, Decision):
            kept = Decision.objects.get(pk=decided.pk)
            assert (kept.note, kept.frozen["erased_at"]) == ("", LATER.isoformat())
        else:
            assert isinstance(decided, AlreadyDecided), decided
            assert not Decision.objects.filter(lead=lead).exists()
    assert canary.found(("kanari", "hannah")) == []
    assert violations(now=LATER) == []
    assert verify().breaks == []


def test_two_admins_at_the_same_moment(people: dict[str, User]) -> None:
    item = decision_support.held_item(people["sdr"], ItemState.OWNED)
    erasure = canary.asked_for(item.lead, people, now=LATER)
    forget = partial(
        erase_person, erasure=erasure, confirmed=item.lead.name, by=people["admin"], now=LATER
    )
    answers = queue_support.in_threads([forget, forget])
    assert sorted(type(answer).__name__ for answer in answers) == ["Erasure", "LeadErased"]
    assert any(isinstance(answer, LeadErased) for answer in answers)


@pytest.mark.parametrize("is_locked", [True, False])
def test_control_without_the_lock_a_decision_is_missed(
    is_locked: bool, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decision is written and not committed when the erasure begins. One that waits for the lead
    first finds it; one that does not blanks the decisions it sees, and this one stays."""
    item = decision_support.held_item(people["sdr"], ItemState.OWNED)
    erasure = canary.asked_for(item.lead, people, now=LATER)
    decided, lock = threading.Event(), erase.lock_leads

    def wait(ids: list[int]) -> list[int]:
        decided.wait(10)
        return lock(ids) if is_locked else ids

    decisions_first = sorted(HELD, key=lambda held: held.table != "qualification_decision")
    monkeypatch.setattr(inventory, "HELD", tuple(decisions_first))
    monkeypatch.setattr(erase, "lock_leads", wait)
    if not is_locked:  # what comes before locks the lead, too
        monkeypatch.setattr(erase, "_end_work", lambda lead, **_: None)
        monkeypatch.setattr(erase, "_seal", lambda lead, **_: None)

    def decide() -> None:
        with transaction.atomic():
            reject_lead(
                item=item,
                token=item.token,
                by=people["sdr"],
                reason=decision_support.reason("too_small"),
                note="kanari",
                now=LATER,
            )
            decided.set()
            _wait_for_somebody_who_waits()

    def forget() -> None:
        erase.erase_person(erasure=erasure, confirmed=item.lead.name, by=people["admin"], now=LATER)

    assert queue_support.in_threads([decide, forget]) == [None, None]
    assert bool(canary.found(("kanari",))) is not is_locked


def _wait_for_somebody_who_waits() -> None:
    """Until another connection waits for a lock of this one; at most two seconds."""
    until = time.monotonic() + 2
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return
