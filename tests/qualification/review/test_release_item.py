"""Release: back to its rank, the old clock runs on."""

import pytest
from django.core.exceptions import PermissionDenied

from crm.models import Team, User
from qualification import invariants
from qualification.choices import CloseReason, TouchKind, TouchResult
from qualification.exceptions import AlreadyDecided, NotHolder
from qualification.models import ReviewItem, ScoringDue
from qualification.review.claims import claim_item, expire_leases, release_item
from qualification.review.queue import apply_line, close_item
from qualification.review.touches import log_touch, snooze_item
from tests.qualification import queue_support as rows

NOW = rows.NOW
LATER = NOW + rows.minutes(10)


@pytest.mark.django_db
def test_a_claim_goes_back_with_its_clock(people: dict[str, User]) -> None:
    waiting = rows.waiting_item()
    claimed = claim_item(item=waiting, by=people["sdr"], now=NOW)
    item = release_item(item=claimed, by=people["sdr"], note="wrong language", now=LATER)
    assert (item.state, item.holder, item.lease_until, item.claimed_at) == (
        "waiting",
        None,
        None,
        None,
    )
    assert (item.lead.stage, item.token) == ("mql", 3)
    assert (item.due_at, rows.live_timers(item)) == (waiting.due_at, ["first_response"])
    assert item.events.first().note == "wrong language"


@pytest.mark.django_db
def test_an_owned_lead_goes_back_with_its_decision_clock(people: dict[str, User]) -> None:
    sdr, manager = people["sdr"], people["manager"]
    item = claim_item(item=rows.waiting_item(), by=sdr, now=NOW)
    log_touch(item=item, by=sdr, kind=TouchKind.CALL, result=TouchResult.VOICEMAIL, now=NOW)
    snooze_item(item=item, by=sdr, until=LATER, task="call", now=NOW)
    item = release_item(item=item, by=sdr, now=LATER)
    assert (item.owned_at, item.next_task_at, item.next_task) == (None, None, "")
    assert rows.live_timers(item) == ["decision"]
    due_at = item.due_at
    item = claim_item(item=item, by=manager, now=LATER)
    log_touch(item=item, by=manager, kind=TouchKind.CALL, result=TouchResult.SPOKE, now=LATER)
    item.refresh_from_db()
    assert (item.state, item.due_at, rows.live_timers(item)) == ("owned", due_at, ["decision"])


@pytest.mark.django_db
def test_only_the_holder_may(people: dict[str, User]) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    with pytest.raises(NotHolder, match="Maya holds this lead"):
        release_item(item=item, by=people["manager"], now=LATER)
    with pytest.raises(PermissionDenied):
        release_item(item=item, by=people["ae"], now=LATER)
    with pytest.raises(NotHolder, match="Claim it first"):
        release_item(item=rows.waiting_item(), by=people["sdr"], now=LATER)


@pytest.mark.django_db
def test_twice_says_nobody_holds_it(people: dict[str, User]) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    release_item(item=item, by=people["sdr"], now=LATER)
    with pytest.raises(NotHolder):
        release_item(item=item, by=people["sdr"], now=LATER)
    assert rows.verbs(item).count("item:released") == 1


@pytest.mark.django_db
def test_a_decided_lead_is_refused(people: dict[str, User]) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    close_item(item=item, reason=CloseReason.DECIDED, by=people["sdr"], now=NOW)
    with pytest.raises(AlreadyDecided):
        release_item(item=item, by=people["sdr"], now=LATER)


@pytest.mark.django_db(transaction=True)
def test_released_at_the_same_moment_once(team: Team) -> None:
    (sdr,) = rows.sdrs(1, team)
    item = claim_item(item=rows.waiting_item(), by=sdr, now=NOW)
    results = rows.in_threads(
        [lambda: release_item(item=item, by=sdr, now=LATER) for _ in range(4)]
    )
    assert sum(isinstance(result, ReviewItem) for result in results) == 1
    assert sum(isinstance(result, NotHolder) for result in results) == 3
    item.refresh_from_db()
    assert item.token == 3


@pytest.mark.parametrize(("tenths", "disqualified"), [(900, "competitor"), (100, "")])
@pytest.mark.parametrize("how", ["release", "lapse"])
def test_whom_the_line_would_not_let_wait_is_due_for_it(
    people: dict[str, User], how: str, tenths: int, disqualified: str
) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    rows.give_score(item.lead, tenths, disqualified=disqualified)
    later = NOW + rows.minutes(31 if how == "lapse" else 1)
    if how == "lapse":
        assert expire_leases(now=later) == 1
    else:
        release_item(item=item, by=people["sdr"], now=later)
    assert list(ScoringDue.objects.values_list("lead_id", "since")) == [(item.lead_id, later)]
    assert "rule disqualifies" not in str(invariants.violations(now=later))
    apply_line([item.lead_id], model=rows.active_model(), now=later)
    item.lead.refresh_from_db()
    assert item.lead.stage == ("disqualified" if disqualified else "new")


def test_who_may_wait_is_not_scored_again(people: dict[str, User]) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    release_item(item=item, by=people["sdr"], now=NOW)
    assert not ScoringDue.objects.exists()
