"""Proposals: when there are any, what they hold, who decides them, what a publish does."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from io import StringIO

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.utils import timezone

from qualification.choices import ModelStatus, ProposalStatus
from qualification.exceptions import (
    DecisionIncomplete,
    NotEnoughEvidence,
    ProposalClosed,
    PublishRefused,
)
from qualification.feedback.backtest import backtest, totals_at
from qualification.feedback.proposals import (
    approve_proposal,
    decline_proposal,
    open_draft,
    propose_rules,
)
from qualification.models import RuleProposal, ScoringModel
from tests.qualification.feedback_support import decide, live_model
from tests.qualification.queue_support import all_done, in_threads
from tests.qualification.version_support import no_minimum, publish

pytestmark = pytest.mark.django_db

FIT, INTENT, NONE = "wrong_industry", "research_only", "duplicate"


@pytest.fixture
def now() -> dt.datetime:
    """Late enough for every row of the test to have been recorded: scores are as of a decision."""
    return timezone.now() + dt.timedelta(hours=1)


@pytest.fixture
def model(db: None) -> ScoringModel:
    return live_model()


@pytest.fixture
def worked(model, team, people, now):
    def add(outcomes):
        return decide(model, outcomes, by=people["sdr"], ae=people["ae"], team=team, now=now)

    return add


@pytest.fixture
def clear_case(worked, settings):
    """`big` is worse than the rest, by a lot; `visited` is as good as chance."""
    no_minimum(settings)
    worked([("accept", ["big"])] * 10 + [(FIT, ["big", "visited"])] * 70)
    worked([("accept", ["near", "visited"])] * 60 + [(FIT, ["near"])] * 60)
    worked([(INTENT, ["visited"])] * 30 + [(INTENT, [])] * 30)


def proposed(run) -> dict[str, RuleProposal]:
    return {made.rule_key: made for made in run.proposals}


def test_it_proposes_points_with_their_evidence(clear_case, model, now) -> None:
    made = proposed(propose_rules(now=now))["big"]
    assert made.status == ProposalStatus.OPEN
    assert (made.model, made.current_points) == (model, Decimal("10.0"))
    assert made.proposed_points < 10
    told = made.evidence
    assert told["grade"] == "strong"
    assert told["fired"]["n"] == 80
    assert told["fired"]["low"] < told["fired"]["rate"] < told["fired"]["high"]
    assert told["q"] < told["q_limit"] == 0.05
    assert told["preview"]["of"] == 260
    assert 0 <= told["preview"]["precision_after"] <= 1


def test_it_applies_nothing(clear_case, model, now) -> None:
    propose_rules(now=now)
    assert model.rules.get(key="big").points == Decimal("10.0")
    assert ScoringModel.objects.count() == 1


def test_it_proposes_nothing_under_fifty_decisions(worked, now) -> None:
    worked([("accept", ["big"]), (FIT, [])] * 24)
    run = propose_rules(now=now)
    assert not run.proposals
    assert {about.rule.key for about in run.not_enough} == {"big", "near", "visited", "asked"}


def test_two_hundred_rejects_as_duplicate_change_nothing(clear_case, worked, now) -> None:
    before = {key: one.proposed_points for key, one in proposed(propose_rules(now=now)).items()}
    evidence = RuleProposal.objects.get(rule_key="big").evidence
    worked([(NONE, ["big", "visited"])] * 200)
    after = propose_rules(now=now)
    assert {key: one.proposed_points for key, one in proposed(after).items()} == before
    assert RuleProposal.objects.get(rule_key="big").evidence == evidence


def test_two_hundred_rejects_for_fit_do_change_it(clear_case, worked, now) -> None:
    """The control of the control: the same leads with a reason that counts."""
    before = proposed(propose_rules(now=now))["big"].proposed_points
    worked([(FIT, ["big", "visited"])] * 200)
    assert proposed(propose_rules(now=now))["big"].proposed_points < before


def test_rejects_for_fit_change_no_intent_rule(clear_case, worked, now) -> None:
    def intent() -> dict[str, Decimal]:
        found = proposed(propose_rules(now=now))
        return {
            key: one.proposed_points for key, one in found.items() if key in ("visited", "asked")
        }

    before = intent()
    assert before
    worked([(FIT, ["visited"])] * 100)
    assert intent() == before


def test_a_second_run_keeps_the_same_rows(clear_case, now) -> None:
    first = {made.pk for made in propose_rules(now=now).proposals}
    second = {made.pk for made in propose_rules(now=now).proposals}
    assert first == second


def test_new_evidence_supersedes_the_old_proposal(clear_case, worked, now) -> None:
    old = proposed(propose_rules(now=now))["big"]
    worked([(FIT, ["big"])] * 60)
    new = proposed(propose_rules(now=now))["big"]
    old.refresh_from_db()
    assert old.status == ProposalStatus.SUPERSEDED
    assert new.pk != old.pk


def test_a_declined_one_is_muted_for_thirty_days(clear_case, people, now) -> None:
    made = proposed(propose_rules(now=now))["big"]
    decline_proposal(proposal=made, by=people["manager"], reason="Seasonal", now=now)
    assert made.status == ProposalStatus.DECLINED
    muted = propose_rules(now=now + dt.timedelta(days=29))
    assert "big" not in proposed(muted)
    assert [about.rule.key for about in muted.quiet] == ["big"]
    assert "big" in proposed(propose_rules(now=now + dt.timedelta(days=31)))


def test_declining_needs_a_reason(clear_case, people, now) -> None:
    made = proposed(propose_rules(now=now))["big"]
    with pytest.raises(DecisionIncomplete):
        decline_proposal(proposal=made, by=people["manager"], reason="  ", now=now)


def test_approving_puts_the_points_into_a_draft(clear_case, model, people, now) -> None:
    made = approve_proposal(
        proposal=proposed(propose_rules(now=now))["big"], by=people["manager"], now=now
    )
    draft = made.draft
    assert (made.status, made.decided_by) == (ProposalStatus.IN_DRAFT, people["manager"])
    assert (draft.status, draft.parent) == (ModelStatus.DRAFT, model)
    assert draft.rules.get(key="big").points == made.proposed_points
    assert model.rules.get(key="big").points == Decimal("10.0")
    assert draft.changes.get().by == people["manager"]


def test_approvals_share_one_draft(clear_case, people, now) -> None:
    strong = [m for m in propose_rules(now=now).proposals if m.evidence["grade"] == "strong"]
    assert len(strong) > 1
    drafts = {
        approve_proposal(proposal=made, by=people["manager"], now=now).draft_id for made in strong
    }
    assert len(drafts) == 1


def test_a_rule_in_the_draft_is_not_proposed_again(clear_case, people, now) -> None:
    made = proposed(propose_rules(now=now))["big"]
    approve_proposal(proposal=made, by=people["manager"], now=now)
    assert "big" not in proposed(propose_rules(now=now))


def test_one_still_collecting_is_not_approved(clear_case, people, now) -> None:
    made = proposed(propose_rules(now=now))["big"]
    made.evidence["grade"] = "collecting"
    made.save()
    with pytest.raises(NotEnoughEvidence):
        approve_proposal(proposal=made, by=people["manager"], now=now)


@pytest.mark.parametrize("role", ["sdr", "ae", "marketing"])
def test_only_managers_and_admins_decide(clear_case, people, now, role) -> None:
    made = proposed(propose_rules(now=now))["big"]
    with pytest.raises(PermissionDenied):
        approve_proposal(proposal=made, by=people[role], now=now)
    with pytest.raises(PermissionDenied):
        decline_proposal(proposal=made, by=people[role], reason="No", now=now)


def test_a_decided_one_is_closed(clear_case, people, now) -> None:
    made = proposed(propose_rules(now=now))["big"]
    stale = RuleProposal.objects.get(pk=made.pk)
    approve_proposal(proposal=made, by=people["manager"], now=now)
    with pytest.raises(ProposalClosed):
        approve_proposal(proposal=stale, by=people["admin"], now=now)
    with pytest.raises(ProposalClosed):
        decline_proposal(proposal=stale, by=people["admin"], reason="No", now=now)


def test_publishing_settles_the_proposals(clear_case, people, now) -> None:
    run = propose_rules(now=now)
    made = proposed(run)["big"]
    approve_proposal(proposal=made, by=people["manager"], now=now)
    rest = [one for one in run.proposals if one.pk != made.pk]
    draft = open_draft(run.model)
    publish(draft, starter=people["manager"], publisher=people["admin"], now=now)
    made.refresh_from_db()
    assert made.status == ProposalStatus.PUBLISHED
    assert rest
    for one in rest:
        one.refresh_from_db()
        assert one.status == ProposalStatus.SUPERSEDED
        with pytest.raises(ProposalClosed):
            approve_proposal(proposal=with_grade(one), by=people["manager"], now=now)


def with_grade(proposal: RuleProposal) -> RuleProposal:
    proposal.evidence["grade"] = "strong"
    return proposal


def test_who_approved_may_not_publish(clear_case, people, now) -> None:
    run = propose_rules(now=now)
    approve_proposal(proposal=proposed(run)["big"], by=people["admin"], now=now)
    with pytest.raises(PublishRefused):
        publish(open_draft(run.model), starter=people["admin"], publisher=people["admin"], now=now)


def test_evidence_follows_the_rule_to_the_next_version(clear_case, people, now) -> None:
    """Decisions under the old version count on, so that nothing is proposed twice."""
    run = propose_rules(now=now)
    counted = proposed(run)["big"].evidence["fired"]["n"]
    points = proposed(run)["big"].proposed_points
    approve_proposal(proposal=proposed(run)["big"], by=people["manager"], now=now)
    draft = open_draft(run.model)
    publish(draft, starter=people["manager"], publisher=people["admin"], now=now)
    again = propose_rules(now=now)
    unchanged = {about.rule.key: about for about in again.unchanged}
    assert "big" in unchanged or abs(proposed(again)["big"].proposed_points - points) < 2
    about = unchanged.get("big")
    n = about.fired.n if about else proposed(again)["big"].evidence["fired"]["n"]
    assert n == counted


def test_the_backtest_judges_a_draft_on_past_decisions(clear_case, people, now) -> None:
    run = propose_rules(now=now)
    for made in run.proposals:
        if made.evidence["grade"] == "strong":
            approve_proposal(proposal=made, by=people["manager"], now=now)
    found = backtest(open_draft(run.model), now=now)
    assert found.left_out == 0
    judged = found.judged
    assert (judged.n, judged.accepted) == (260, 70)
    assert judged.areas[1].value > judged.areas[0].value
    assert judged.gain.low > 0
    assert judged.capacity == 52
    json.dumps(found.to_json())


def test_the_backtest_says_when_there_is_not_enough(worked, model, people, now) -> None:
    worked([("accept", ["big"]), (FIT, [])] * 5)
    found = backtest(model, now=now)
    assert found.judged is None
    assert found.missing == "Not enough data: 40 more counted decisions."


def test_the_backtest_scores_facts_as_of_the_decision(worked, model, now) -> None:
    (decision,) = worked([("accept", ["big"])])
    lead = decision.lead
    later = now + dt.timedelta(days=1)
    totals = totals_at(model, [(1, lead.pk, now), (2, lead.pk, later), (3, 10**9, now)])
    assert totals == {1: 100, 2: 100}


def test_the_command_prints_its_last_line(clear_case, now, time_machine_at) -> None:
    out = StringIO()
    call_command("propose_rules", stdout=out)
    assert out.getvalue().splitlines()[-1].startswith("decisions=260 proposals=")
    told = StringIO()
    call_command("propose_rules", json=True, stdout=told)
    assert json.loads(told.getvalue())["decisions"] == 260


def test_the_commands_refuse_without_a_live_version(db) -> None:
    with pytest.raises(CommandError, match="no scoring model is active"):
        call_command("propose_rules", stdout=StringIO())
    with pytest.raises(CommandError, match="there is no version 7") as error:
        call_command("backtest", "7", stdout=StringIO())
    assert error.value.returncode == 2


@pytest.fixture
def time_machine_at(time_machine, now):
    time_machine.move_to(now + dt.timedelta(minutes=1))


@pytest.mark.django_db(transaction=True)
def test_two_approvals_at_once_share_one_draft(clear_case, people, now) -> None:
    strong = [m for m in propose_rules(now=now).proposals if m.evidence["grade"] == "strong"][:2]
    all_done(
        [
            lambda made=made: approve_proposal(proposal=made, by=people["manager"], now=now)
            for made in strong
        ]
    )
    assert ScoringModel.objects.filter(status=ModelStatus.DRAFT).count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_proposal_is_approved_once(clear_case, people, now) -> None:
    made = proposed(propose_rules(now=now))["big"]

    def approve() -> object:
        mine = RuleProposal.objects.get(pk=made.pk)
        return approve_proposal(proposal=mine, by=people["manager"], now=now)

    found = in_threads([approve, approve])
    assert len([one for one in found if isinstance(one, ProposalClosed)]) == 1
    assert len([one for one in found if not isinstance(one, Exception)]) == 1
