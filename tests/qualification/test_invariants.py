"""The invariants are silent on sound rows, and name each kind of broken row."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.core.management import call_command

from crm.models import InboxMessage, Lead, User
from qualification.choices import EntryReason, TouchKind, TouchResult
from qualification.handoff.answers import take_handoff
from qualification.invariants import violations
from qualification.models import ReviewItem, SLATimer
from qualification.review.claims import claim_item, release_item
from qualification.review.decisions import accept_lead
from qualification.review.merge import merge_lead
from qualification.review.queue import apply_line, enter_queue
from qualification.review.touches import log_touch
from tests import factories
from tests.qualification import queue_support as rows
from tests.qualification import routing_support as routing
from tests.qualification.handoff.destination_support import handed_to

NOW = rows.NOW


def kinds(now: dt.datetime = NOW) -> list[str]:
    return [violation.kind for violation in violations(now=now)]


@pytest.mark.django_db
def test_sound_rows_break_nothing(people: dict[str, User]) -> None:
    sdr = people["sdr"]
    rows.scored_lead(100)
    rows.scored_lead(100, stage="won")
    rows.waiting_item()
    claim_item(item=rows.waiting_item(), by=sdr, now=NOW)
    owned = claim_item(item=rows.waiting_item(), by=sdr, now=NOW)
    log_touch(item=owned, by=sdr, kind=TouchKind.CALL, result=TouchResult.SPOKE, now=NOW)
    released = claim_item(item=rows.waiting_item(), by=sdr, now=NOW)
    log_touch(item=released, by=sdr, kind=TouchKind.CALL, result=TouchResult.SPOKE, now=NOW)
    release_item(item=released, by=sdr, now=NOW)
    gone = rows.waiting_item()
    rows.give_score(gone.lead, 10)
    barred = rows.waiting_item()
    rows.give_score(barred.lead, 900, disqualified="competitor")
    apply_line([gone.lead_id, barred.lead_id], model=rows.active_model(), now=NOW)
    assert violations(now=NOW) == []


@pytest.mark.django_db
def test_a_lost_deal_is_history_wherever_the_lead_goes_then(people: dict[str, User]) -> None:
    """Taken, lost, asked again, taken once more, lost: then it becomes part of another lead."""
    handoff = handed_to(people["ae"], people)
    lead, now = handoff.lead, handoff.created_at
    for _ in range(2):
        now += dt.timedelta(minutes=1)
        take_handoff(handoff=lead.handoffs.latest("pk"), by=people["ae"], now=now)
        assert violations(now=now) == []
        Lead.objects.filter(pk=lead.pk).update(stage="lost")
        assert violations(now=now) == []
        (pk,) = enter_queue([lead.pk], reason=EntryReason.REINQUIRY, now=now)
        assert violations(now=now) == []
        item = claim_item(item=ReviewItem.objects.get(pk=pk), by=people["sdr"], now=now)
        accept_lead(item=item, token=item.token, by=people["sdr"], to=people["ae"], now=now)
        assert violations(now=now) == []
    take_handoff(handoff=lead.handoffs.latest("pk"), by=people["ae"], now=now)
    Lead.objects.filter(pk=lead.pk).update(stage="lost")
    survivor = factories.LeadFactory(team=lead.team)
    merge_lead(survivor=survivor, loser=lead, takes=(), by=people["manager"], now=now)
    assert violations(now=now) == []


def no_item(item: ReviewItem) -> None:
    SLATimer.objects.filter(item=item).delete()
    ReviewItem.objects.filter(pk=item.pk).update(
        state="closed", closed_at=NOW, close_reason="merged"
    )


def no_clock(item: ReviewItem) -> None:
    SLATimer.objects.filter(item=item).update(state="cancelled", stopped_at=NOW)


def other_due_time(item: ReviewItem) -> None:
    ReviewItem.objects.filter(pk=item.pk).update(due_at=NOW)


def closed_with_a_clock(item: ReviewItem) -> None:
    ReviewItem.objects.filter(pk=item.pk).update(
        state="closed", closed_at=NOW, close_reason="decided"
    )
    Lead.objects.filter(pk=item.lead_id).update(stage="new")


def stage_of_its_own(item: ReviewItem) -> None:
    Lead.objects.filter(pk=item.lead_id).update(stage="working")


def nurture_without_plan(item: ReviewItem) -> None:
    Lead.objects.filter(pk=item.lead_id).update(stage="working")
    Lead.objects.filter(pk=item.lead_id).update(stage="nurture")


def handed_to_nobody(item: ReviewItem) -> None:
    Lead.objects.filter(pk=item.lead_id).update(stage="working")
    Lead.objects.filter(pk=item.lead_id).update(stage="sql")


def late_clock(item: ReviewItem) -> None:
    long_ago = NOW - dt.timedelta(minutes=6)
    SLATimer.objects.filter(item=item).update(next_at=long_ago)


def late_message(item: ReviewItem) -> None:
    InboxMessage.objects.create(
        source=factories.SourceFactory(),
        event_key="late",
        received_at=NOW,
        due_at=NOW - dt.timedelta(minutes=6),
        body=b"{}",
    )


def disqualified_in_queue(item: ReviewItem) -> None:
    rows.give_score(item.lead, 900, disqualified="competitor")


def kept_for_somebody(item: ReviewItem) -> None:
    ReviewItem.objects.filter(pk=item.pk).update(assignee=factories.person("sdr", item.team))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("breaks", "expected"),
    [
        (no_item, "has no place to be"),
        (no_clock, "without exactly one live clock"),
        (other_due_time, "due at another time than its clock"),
        (closed_with_a_clock, "closed item whose clock runs"),
        (closed_with_a_clock, "closed as decided without a decision"),
        (stage_of_its_own, "stage working without a claimed or owned item"),
        (stage_of_its_own, "stage waiting without a waiting item"),
        (nurture_without_plan, "stage nurture without a waiting plan"),
        (handed_to_nobody, "handed over without an open handoff"),
        (late_clock, "nobody wrote it down"),
        (late_message, "a stored message is due"),
        (kept_for_somebody, "no routing decision names"),
        (disqualified_in_queue, "a rule disqualifies waits"),
    ],
)
def test_it_names_what_is_broken(
    people: dict[str, User], breaks: Callable[[ReviewItem], None], expected: str
) -> None:
    item = rows.waiting_item()
    assert kinds() == []
    breaks(item)
    assert any(expected in kind for kind in kinds()), kinds()


@pytest.mark.django_db
def test_routed_leads_break_nothing_until_they_change_teams(people: dict[str, User]) -> None:
    sdr = people["sdr"]
    routing.rule(routing.pool(sdr.team, {sdr: 1}))
    assigned = routing.arriving(sdr.team, 2)
    release_item(item=claim_item(item=assigned[0], by=sdr, now=NOW), by=sdr, now=NOW)
    assert kinds() == []
    Lead.objects.filter(pk=assigned[1].lead_id).update(team=factories.TeamFactory(name="US"))
    assert kinds() == ["a waiting item is of another team than its lead"]


@pytest.mark.django_db
def test_a_claim_nobody_took_back_shows(people: dict[str, User]) -> None:
    claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    late = NOW + dt.timedelta(minutes=36)
    SLATimer.objects.update(next_at=None)
    assert kinds(late) == ["a claim ran out five minutes ago and nobody took it back"]


@pytest.mark.django_db
def test_the_command_counts_rows(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_invariants")
    assert capsys.readouterr().out == "violations=0\n"
    items = [rows.waiting_item() for _ in range(12)]
    SLATimer.objects.update(next_at=None)
    for item in items:
        no_clock(item)
    call_command("check_invariants")
    *lines, last = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("an open item without exactly one live clock: item ")
    assert lines[0].endswith(" and 2 more")
    assert last == "violations=12"
