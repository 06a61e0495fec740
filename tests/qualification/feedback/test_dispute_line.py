"""Disputing a line: who may, twice, at once, and that no score moves."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied

from qualification.choices import DisputeKind
from qualification.feedback.disputes import dispute_line, withdraw_dispute
from qualification.models import LeadScore, ScoreDispute, ScoringRule
from tests import factories
from tests.qualification.feedback_support import live_model
from tests.qualification.queue_support import all_done

pytestmark = pytest.mark.django_db

NOW = factories.NOW


@pytest.fixture
def rule(db: None) -> ScoringRule:
    return live_model().rules.get(key="visited")


@pytest.fixture
def lead(team):
    return factories.LeadFactory(team=team)


def test_it_records_who_disputes_what(rule, lead, people) -> None:
    found = dispute_line(
        lead=lead, rule=rule, kind=DisputeKind.BOT, note=" a scanner ", by=people["sdr"], now=NOW
    )
    assert (found.rule_key, found.kind, found.note) == ("visited", "bot", "a scanner")
    assert (found.by, found.at) == (people["sdr"], NOW)


def test_it_counts_a_double_submit_once(rule, lead, people) -> None:
    first = dispute_line(lead=lead, rule=rule, kind="bot", by=people["sdr"], now=NOW)
    second = dispute_line(lead=lead, rule=rule, kind="bot", by=people["sdr"], now=NOW)
    assert first.pk == second.pk
    assert ScoreDispute.objects.count() == 1


def test_it_changes_the_kind_of_the_standing_one(rule, lead, people) -> None:
    first = dispute_line(lead=lead, rule=rule, kind="bot", by=people["sdr"], now=NOW)
    second = dispute_line(lead=lead, rule=rule, kind="stale", by=people["manager"], now=NOW)
    assert (second.pk, second.kind, second.by) == (first.pk, "stale", people["manager"])


def test_it_may_be_disputed_again_after_a_withdrawal(rule, lead, people) -> None:
    first = dispute_line(lead=lead, rule=rule, kind="bot", by=people["sdr"], now=NOW)
    withdrawn = withdraw_dispute(dispute=first, by=people["sdr"], now=NOW)
    assert withdrawn.withdrawn_at == NOW
    second = dispute_line(lead=lead, rule=rule, kind="bot", by=people["sdr"], now=NOW)
    assert second.pk != first.pk


def test_it_refuses_an_unknown_kind(rule, lead, people) -> None:
    with pytest.raises(ValueError, match="nonsense"):
        dispute_line(lead=lead, rule=rule, kind="nonsense", by=people["sdr"], now=NOW)


@pytest.mark.parametrize("role", ["ae", "marketing"])
def test_it_refuses_who_does_not_work_the_queue(rule, lead, people, role) -> None:
    with pytest.raises(PermissionDenied):
        dispute_line(lead=lead, rule=rule, kind="bot", by=people[role], now=NOW)


def test_it_refuses_a_lead_out_of_sight(rule, lead) -> None:
    stranger = factories.person("sdr", factories.TeamFactory(name="APAC"))
    with pytest.raises(PermissionDenied):
        dispute_line(lead=lead, rule=rule, kind="bot", by=stranger, now=NOW)


def test_it_refuses_a_withdrawal_by_a_stranger(rule, lead, people) -> None:
    found = dispute_line(lead=lead, rule=rule, kind="bot", by=people["sdr"], now=NOW)
    stranger = factories.person("sdr", factories.TeamFactory(name="APAC"))
    with pytest.raises(PermissionDenied):
        withdraw_dispute(dispute=found, by=stranger, now=NOW)


def test_it_changes_no_score(rule, lead, people) -> None:
    score = LeadScore.objects.create(
        lead=lead, model=rule.model, fit_tenths=0, intent_tenths=100, total_tenths=100, as_of=NOW
    )
    dispute_line(lead=lead, rule=rule, kind="bad_data", by=people["sdr"], now=NOW)
    score.refresh_from_db()
    assert score.total_tenths == 100


@pytest.mark.django_db(transaction=True)
def test_it_counts_two_at_once_as_one(rule, lead, people) -> None:
    found = all_done(
        [
            lambda: dispute_line(lead=lead, rule=rule, kind="bot", by=people["sdr"], now=NOW).pk
            for _ in range(2)
        ]
    )
    assert found == [ScoreDispute.objects.get().pk] * 2
