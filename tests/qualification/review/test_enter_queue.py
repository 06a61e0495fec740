"""Entry: by the line, by name, once, spread, held."""

import datetime as dt

import pytest

from crm.models import Lead, Outcome, Team, User
from crm.stages import Stage
from qualification.choices import Bucket, EntryReason, TierRank
from qualification.models import ReviewItem, SLAPolicy, SLATimer
from qualification.review.holds import refresh_holds
from qualification.review.queue import apply_line, enter_queue
from tests.qualification import queue_support as rows

NOW = rows.NOW


@pytest.mark.django_db
def test_it_enters_at_the_line_with_clock_rank_and_event(people: dict[str, User]) -> None:
    lead = rows.scored_lead(400, tier="hot")
    result = apply_line([lead.pk], model=rows.active_model(), now=NOW)
    assert result.entered == [lead.pk]
    item = ReviewItem.objects.get(lead=lead)
    lead.refresh_from_db()
    timer = SLATimer.objects.get(item=item)
    assert (lead.stage, item.state, item.entry_reason) == ("mql", "waiting", "threshold")
    assert (item.tier_rank, item.score_tenths, item.bucket) == (TierRank.HOT, 400, Bucket.RUNNING)
    assert item.due_at == timer.due_at == NOW + rows.minutes(15)
    assert timer.next_at == timer.warn_at == NOW + rows.minutes(10)
    assert (timer.kind, timer.state, timer.started_at) == ("first_response", "running", NOW)
    assert rows.verbs(item) == ["item:entered"]
    assert lead.stage_events.get().to_stage == "mql"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("tier", "due"), [("hot", 15), ("warm", 60), ("cool", 240), ("cold", 480), ("", 240)]
)
def test_it_is_due_by_tier(tier: str, due: int) -> None:
    item = rows.waiting_item(500, tier=tier)
    assert item.due_at == NOW + rows.minutes(due)


@pytest.mark.django_db
def test_it_does_not_enter_below_the_line_or_unscored() -> None:
    below, unscored = rows.scored_lead(399), rows.factories.LeadFactory()
    result = apply_line([below.pk, unscored.pk], model=rows.active_model(), now=NOW)
    assert (result.entered, ReviewItem.objects.count()) == ([], 0)


@pytest.mark.django_db
def test_it_does_not_enter_when_it_is_known_how_it_ended() -> None:
    lead = rows.scored_lead(500)
    Outcome.objects.create(lead=lead, value="lost", source=lead.source, recorded_at=NOW)
    assert apply_line([lead.pk], model=rows.active_model(), now=NOW).entered == []


@pytest.mark.django_db
def test_it_enters_once() -> None:
    lead = rows.scored_lead(500)
    for _ in range(2):
        apply_line([lead.pk], model=rows.active_model(), now=NOW)
        enter_queue([lead.pk], reason=EntryReason.THRESHOLD, now=NOW)
    assert (ReviewItem.objects.count(), SLATimer.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_a_version_that_is_not_active_changes_nothing() -> None:
    lead = rows.scored_lead(500)
    model = rows.active_model()
    type(model).objects.filter(pk=model.pk).update(status="retired", retired_at=NOW)
    assert apply_line([lead.pk], model=model, now=NOW).entered == []
    assert apply_line([lead.pk], model=None, now=NOW).entered == []


@pytest.mark.django_db
def test_a_disqualified_lead_never_queues_and_comes_back_when_the_rule_is_gone() -> None:
    lead = rows.scored_lead(900, disqualified="competitor")
    model = rows.active_model()
    assert apply_line([lead.pk], model=model, now=NOW).disqualified == [lead.pk]
    lead.refresh_from_db()
    assert (lead.stage, lead.disqualified_by) == ("disqualified", "rule")
    assert enter_queue([lead.pk], reason=EntryReason.REINQUIRY, now=NOW) == []
    rows.give_score(lead, 900)
    result = apply_line([lead.pk], model=model, now=NOW)
    assert result.requalified == result.entered == [lead.pk]


@pytest.mark.django_db
def test_who_a_person_disqualified_stays_so() -> None:
    lead = rows.scored_lead(900)
    Lead.objects.filter(pk=lead.pk).update(stage="disqualified", disqualified_by="person")
    assert apply_line([lead.pk], model=rows.active_model(), now=NOW).entered == []


@pytest.mark.django_db
@pytest.mark.parametrize("reason", EntryReason.values)
@pytest.mark.parametrize("stage", [s for s in Stage.values if s not in ("won", "lost")])
def test_each_reason_leads_from_its_stages_only(reason: str, stage: str) -> None:
    comes_from = {
        "threshold": {"new"},
        "exploration": {"new"},
        "reinquiry": {"disqualified", "nurture"},
        "returned": {"sql"},
        "woken": {"nurture"},
        "overturned": {"disqualified"},
        "reversed": {"sql", "nurture", "disqualified"},
    }
    way = {
        "new": [],
        "mql": ["mql"],
        "working": ["mql", "working"],
        "sql": ["mql", "working", "sql"],
        "nurture": ["mql", "working", "nurture"],
        "opportunity": ["mql", "working", "sql", "opportunity"],
        "disqualified": ["disqualified"],
    }[stage]
    lead = rows.scored_lead(100)
    for step in way:
        by_whom = "person" if step == "disqualified" else ""
        Lead.objects.filter(pk=lead.pk).update(stage=step, disqualified_by=by_whom)
    items = enter_queue([lead.pk], reason=EntryReason(reason), now=NOW)
    assert bool(items) == (stage in comes_from[reason])
    lead.refresh_from_db()
    assert lead.stage == ("mql" if items else stage)


@pytest.mark.django_db
def test_a_lost_lead_comes_back_by_a_new_inquiry() -> None:
    lead = rows.scored_lead(100, stage="lost")
    assert len(enter_queue([lead.pk], reason=EntryReason.REINQUIRY, now=NOW)) == 1


@pytest.mark.django_db
def test_more_than_a_team_can_answer_are_due_later_best_first(team: Team) -> None:
    rows.many_waiting(200, team)
    other = rows.waiting_item(500, tier="hot", team=rows.factories.TeamFactory(name="US"))
    items = ReviewItem.objects.filter(team=team).order_by("tier_rank", "-score_tenths", "lead_id")
    for position, item in enumerate(items, start=1):
        policy = (15, 60, 240, 480)[item.tier_rank] * max(1, position / 50)
        assert abs(item.due_at - NOW - dt.timedelta(minutes=policy)) < dt.timedelta(seconds=1)
        assert item.due_at == item.timers.get().due_at
    assert other.due_at == NOW + rows.minutes(15)


@pytest.mark.django_db
def test_chunks_of_one_run_spread_like_one(team: Team) -> None:
    leads = [rows.scored_lead(500 + n) for n in range(60)]
    ids = [lead.pk for lead in leads]
    for chunk in (ids[:40], ids[40:]):
        apply_line(chunk, model=rows.active_model(), now=NOW)
    latest = max(ReviewItem.objects.values_list("due_at", flat=True))
    assert latest == NOW + dt.timedelta(minutes=60 * 60 / 50)


@pytest.mark.django_db
def test_nobody_in_the_team_holds_the_lead_until_somebody_comes(team: Team) -> None:
    item = rows.waiting_item()
    assert item.hold_reason
    assert rows.verbs(item) == ["item:entered", "item:held"]
    assert rows.live_timers(item) == ["first_response"]
    assert refresh_holds(now=NOW) == 0
    rows.sdrs(1, team)
    assert refresh_holds(now=NOW) == 1
    item.refresh_from_db()
    assert item.hold_reason == ""


@pytest.mark.django_db
def test_without_a_policy_it_says_so_and_nothing_is_written() -> None:
    SLAPolicy.objects.all().delete()
    lead = rows.scored_lead(500)
    from django.core.exceptions import ImproperlyConfigured

    with pytest.raises(ImproperlyConfigured, match="No SLA policy for “first_response”"):
        apply_line([lead.pk], model=rows.active_model(), now=NOW)
    lead.refresh_from_db()
    assert (lead.stage, ReviewItem.objects.count()) == ("new", 0)


@pytest.mark.django_db(transaction=True)
def test_at_the_same_moment_it_enters_once(team: Team) -> None:
    lead = rows.scored_lead(500)
    model = rows.active_model()
    results = rows.in_threads(
        [lambda: apply_line([lead.pk], model=model, now=NOW).entered for _ in range(6)]
    )
    assert sorted(results, key=len) == [[], [], [], [], [], [lead.pk]]
    assert SLATimer.objects.count() == 1
