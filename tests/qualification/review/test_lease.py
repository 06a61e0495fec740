"""Leases run out on time and fairly: the old holder's act or a new claim, never both."""

import pytest

from crm.models import Lead, Team, User
from qualification.choices import TouchKind, TouchResult
from qualification.exceptions import ClaimTaken, NotHolder
from qualification.models import ReviewItem, Touch
from qualification.review.claims import claim_item, expire_leases, renew_lease
from qualification.review.next_lead import claim_next
from qualification.review.touches import log_touch
from tests.qualification import queue_support as rows

NOW = rows.NOW
END = NOW + rows.minutes(30)


@pytest.mark.django_db
def test_it_runs_out_at_its_time_and_the_old_clock_runs_on(people: dict[str, User]) -> None:
    waiting = rows.waiting_item()
    item = claim_item(item=waiting, by=people["sdr"], now=NOW)
    assert expire_leases(now=END - rows.minutes(1)) == 0
    assert expire_leases(now=END) == 1
    item.refresh_from_db()
    item.lead.refresh_from_db()
    assert (item.state, item.holder, item.token, item.lead.stage) == ("waiting", None, 3, "mql")
    assert (item.due_at, rows.live_timers(item)) == (waiting.due_at, ["first_response"])
    assert rows.verbs(item)[-1] == "item:lapsed"
    assert expire_leases(now=END) == 0


@pytest.mark.django_db
def test_ownership_does_not_run_out(people: dict[str, User]) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    log_touch(item=item, by=people["sdr"], kind=TouchKind.MAIL, result=TouchResult.SENT, now=NOW)
    assert expire_leases(now=END) == 0
    assert renew_lease(item=item, by=people["sdr"], now=END).lease_until is None


@pytest.mark.django_db
def test_the_old_holder_is_refused_before_any_sweep(people: dict[str, User]) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    with pytest.raises(NotHolder, match="Your claim ended"):
        renew_lease(item=item, by=people["sdr"], now=END)
    with pytest.raises(NotHolder, match="Your claim ended"):
        log_touch(
            item=item, by=people["sdr"], kind=TouchKind.CALL, result=TouchResult.SPOKE, now=END
        )


@pytest.mark.django_db
def test_somebody_else_cannot_renew(people: dict[str, User]) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    with pytest.raises(NotHolder):
        renew_lease(item=item, by=people["manager"], now=NOW)


@pytest.mark.django_db
def test_more_than_one_batch(people: dict[str, User], team: Team) -> None:
    rows.many_waiting(5, team)
    for _ in range(5):
        claim_next(by=people["sdr"], now=NOW)
    assert expire_leases(now=END, limit=2) == 5


@pytest.mark.django_db(transaction=True)
def test_at_the_second_of_expiry_old_hands_or_new_never_both(team: Team) -> None:
    old, new, *_ = rows.sdrs(2, team)
    for _ in range(12):
        item = claim_item(item=rows.waiting_item(), by=old, now=NOW)
        touched, swept, claimed = rows.in_threads(
            [
                lambda item=item: log_touch(
                    item=item,
                    by=old,
                    kind=TouchKind.CALL,
                    result=TouchResult.SPOKE,
                    now=END - rows.minutes(0.001),
                ),
                lambda: expire_leases(now=END),
                lambda item=item: claim_item(item=item, by=new, now=END),
            ]
        )
        item.refresh_from_db()
        item.lead.refresh_from_db()
        assert item.lead.stage == ("mql" if item.holder is None else "working")
        if isinstance(touched, Touch):
            assert (item.state, item.holder) == ("owned", old)
            assert isinstance(claimed, ClaimTaken)
        else:
            assert isinstance(touched, NotHolder)
            assert item.holder in (None, new)
            assert not Touch.objects.filter(item=item).exists()
        assert isinstance(swept, int)
        Lead.objects.filter(pk=item.lead_id).exclude(stage="working").update(stage="new")
        ReviewItem.objects.filter(pk=item.pk).update(
            state="closed", close_reason="merged", closed_at=NOW
        )


@pytest.mark.django_db(transaction=True)
def test_several_sweepers_take_each_lease_once(team: Team, settings: object) -> None:
    people = rows.sdrs(10, team)
    rows.many_waiting(50, team)
    for person in people:
        for _ in range(5):
            claim_next(by=person, now=NOW)
    results = rows.in_threads([lambda: expire_leases(now=END, limit=7) for _ in range(4)])
    assert sum(results) + expire_leases(now=END) == 50
    assert ReviewItem.objects.waiting().filter(token=3).count() == 50
