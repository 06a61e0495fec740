"""Which policy a lead has: the most specific one that matches, the same one every time."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction

from crm.models import Source, Team
from qualification.choices import EntryReason, TimerKind, TouchKind, TouchResult
from qualification.models import ReviewItem, Segment, SLAPolicy
from qualification.review.claims import claim_item
from qualification.review.queue import enter_queue
from qualification.review.touches import log_touch
from tests import factories
from tests.qualification import queue_support as rows
from tests.qualification.decision_support import accepted

pytestmark = pytest.mark.django_db
NOW = rows.NOW


def policy(minutes: int, *, kind: str = "first_response", **fields: Any) -> SLAPolicy:
    return SLAPolicy.objects.create(kind=kind, minutes=minutes, warn_minutes=1, **fields)


def directors() -> Segment:
    return Segment.objects.create(
        key="directors",
        name="Directors",
        query={"title": "director"},
        created_at=NOW,
        updated_at=NOW,
    )


def allowed(item: ReviewItem) -> float:
    """Minutes the item has, on a calendar that is always open."""
    return (item.timers.get(state="running").due_at - NOW).total_seconds() / 60


def test_more_conditions_win_whatever_the_order_of_rows(team: Team) -> None:
    source, segment = factories.SourceFactory(), directors()
    parts: dict[str, Any] = {"segment": segment, "source": source, "team": team, "tier": "hot"}
    wanted = {}
    minutes = itertools.count(500)
    subsets = [
        names
        for size in range(1, 5)
        for names in itertools.combinations(parts, size)
        if names != ("tier",)  # shipped
    ]
    for names in reversed(subsets):
        wanted[names] = policy(next(minutes), **{name: parts[name] for name in names})
    fields = {"source": source, "team": team, "title": "Managing Director"}
    for names in sorted(subsets, key=lambda names: (-len(names), [n not in names for n in parts])):
        item = rows.waiting_item(tier="hot", **fields)
        assert item.timers.get().policy == wanted[names]
        assert allowed(item) == wanted[names].minutes
        SLAPolicy.objects.filter(pk=wanted[names].pk).update(is_active=False)
    assert allowed(rows.waiting_item(tier="hot", **fields)) == 15


def test_leads_of_one_batch_have_each_their_own(team: Team) -> None:
    source: Source = factories.SourceFactory()
    segment = directors()
    of_source, of_segment = policy(7, source=source), policy(8, segment=segment)
    leads = [
        rows.scored_lead(tier="hot", team=team, source=source),
        rows.scored_lead(tier="hot", team=team, title="Director of Sales"),
        rows.scored_lead(tier="hot", team=team, title="Clerk"),
    ]
    enter_queue([lead.pk for lead in leads], reason=EntryReason.THRESHOLD, now=NOW)
    items = [ReviewItem.objects.get(lead=lead) for lead in leads]
    assert [allowed(item) for item in items] == [7, 8, 15]
    assert [item.timers.get().policy for item in items[:2]] == [of_source, of_segment]


def test_a_segment_that_asks_for_nothing_usable_is_passed_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    segment = directors()
    policy(7, segment=segment)
    Segment.objects.filter(pk=segment.pk).update(query={"shoe_size": 44})
    assert allowed(rows.waiting_item(tier="hot", title="Director")) == 15
    assert f"sla.segment_unusable segment={segment.pk}" in caplog.text


def test_the_other_kinds_have_policies_of_their_own(people: dict[str, Any], team: Team) -> None:
    policy(33, kind="decision", team=team)
    item = claim_item(item=rows.waiting_item(team=team), by=people["sdr"], now=NOW)
    log_touch(item=item, by=people["sdr"], kind=TouchKind.CALL, result=TouchResult.SPOKE, now=NOW)
    assert item.timers.get(kind="decision", state="running").due_at == NOW + rows.minutes(33)


def test_a_handoff_has_the_policy_of_the_team_of_its_ae(people: dict[str, Any]) -> None:
    elsewhere = factories.TeamFactory(name="Sales")
    type(people["ae"]).objects.filter(pk=people["ae"].pk).update(team=elsewhere)
    people["ae"].refresh_from_db()
    found = policy(44, kind="handoff_acceptance", team=elsewhere)
    decision = accepted(people)
    timer = decision.item.timers.get(kind=TimerKind.HANDOFF_ACCEPTANCE)
    assert timer.policy == found
    assert timer.due_at - timer.started_at == dt.timedelta(minutes=44)


def test_no_policy_at_all_says_what_to_do() -> None:
    SLAPolicy.objects.filter(kind="first_response").delete()
    with pytest.raises(ImproperlyConfigured, match="add one without conditions"):
        rows.waiting_item()


def test_postgres_refuses_the_same_conditions_twice(team: Team) -> None:
    policy(7, team=team)
    with pytest.raises(IntegrityError), transaction.atomic():
        policy(8, team=team)


def test_the_words_name_every_condition(team: Team) -> None:
    source = factories.SourceFactory(name="Webinar")
    made = policy(7, team=team, source=source, tier="hot", segment=directors())
    assert made.words == "Directors · Webinar · EMEA · Hot"
    assert policy(9, kind="decision", team=team).words == "EMEA"
