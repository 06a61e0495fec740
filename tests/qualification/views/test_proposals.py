"""The proposal page: evidence, what is missing, approve, decline, look again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import User
from qualification.choices import ProposalStatus
from qualification.feedback.disputes import dispute_line
from qualification.feedback.proposals import decline_proposal, propose_rules
from qualification.models import Decision, RuleProposal, ScoringModel
from qualification.scoring import drafts, versions
from tests.qualification.views.proposal_support import OUTCOMES, decided, proposed

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Login = Callable[[User], Client]


@pytest.fixture
def manager(login: Login, people: dict[str, User]) -> Client:
    return login(people["manager"])


def page(client: Client, tab: str = "open") -> str:
    response = client.get("/proposals/", {"tab": tab})
    assert response.status_code == 200
    return response.content.decode()


def test_it_shows_the_evidence(manager: Client, people: dict[str, User]) -> None:
    proposal = next(proposed(people))
    html = page(manager)
    assert f'id="proposal-{proposal.pk}"' in html
    assert "Strong evidence" in html
    assert f"{proposal.rule_key.capitalize()}: yes" in html
    assert "more often than the rest" in html
    assert "From 60 counted decisions" in html
    assert "Base accept rate 50.0%" in html
    assert "n 30" in html
    assert "interval" in html


def test_it_counts_disputes_by_kind(manager: Client, people: dict[str, User]) -> None:
    decided(people)
    decision = Decision.objects.filter(kind="reject", fired__has_key="near").first()
    assert decision is not None
    rule = decision.model.rules.get(key="near")  # type: ignore[union-attr]
    dispute_line(
        lead=decision.lead, rule=rule, kind="wrong_rule", by=people["sdr"], now=timezone.now()
    )
    propose_rules(now=timezone.now())
    html = page(manager)
    assert "1 wrong rule" in html
    assert "and 1 line dispute." in html


def test_it_says_what_is_missing(manager: Client, people: dict[str, User]) -> None:
    decided(people, OUTCOMES[:12])
    propose_rules(now=timezone.now())
    html = page(manager)
    assert "Not enough data" in html
    assert "12 of 50 counted decisions" in html
    assert "12 of 50 decisions, 0 of 10 firings" in html
    assert "Approve into draft" not in html


def test_it_says_that_no_rules_are_live(manager: Client) -> None:
    assert "No rules are live" in page(manager)


def test_it_approves_into_a_draft(manager: Client, people: dict[str, User]) -> None:
    proposal = next(proposed(people))
    response = manager.post(f"/proposals/{proposal.pk}/approve/")
    assert response["Location"] == "/proposals/"
    proposal.refresh_from_db()
    assert proposal.status == ProposalStatus.IN_DRAFT
    draft = ScoringModel.objects.get(status="draft")
    assert draft.rules.get(key=proposal.rule_key).points == proposal.proposed_points
    html = page(manager)
    assert "v2 draft against v1 live" in html
    assert "Proposal approved" in html
    assert "Start shadow" in html
    assert f'id="proposal-{proposal.pk}"' in page(manager, "in_draft")


def test_it_says_that_a_draft_was_left_behind(manager: Client, people: dict[str, User]) -> None:
    proposal = next(proposed(people))
    manager.post(f"/proposals/{proposal.pk}/approve/")
    live = ScoringModel.objects.get(status="active")
    now = timezone.now()
    other = drafts.copy_to_draft(model=live, by=people["admin"], now=now)
    versions.activate_as_operator(model=other, now=now)
    html = page(manager)
    assert "v2</a> is a draft of a version that is no longer live" in html
    assert "take back what v3 changed" in html


def test_it_approves_once(manager: Client, people: dict[str, User]) -> None:
    proposal = next(proposed(people))
    manager.post(f"/proposals/{proposal.pk}/approve/")
    again = manager.post(f"/proposals/{proposal.pk}/approve/", headers=HTMX)
    assert again.status_code == 409
    assert "already" in again["HX-Trigger"]
    assert ScoringModel.objects.filter(status="draft").count() == 1


def test_it_does_not_approve_while_collecting(manager: Client, people: dict[str, User]) -> None:
    proposal = next(proposed(people))
    weak = {**proposal.evidence, "grade": "collecting", "why": "Could still be chance."}
    RuleProposal.objects.filter(pk=proposal.pk).update(evidence=weak)
    html = page(manager)
    assert "Collecting" in html
    assert "disabled aria-describedby" in html
    refused = manager.post(f"/proposals/{proposal.pk}/approve/")
    assert refused.status_code in {409, 422}
    assert not ScoringModel.objects.filter(status="draft").exists()


def test_it_declines_with_a_reason(manager: Client, people: dict[str, User]) -> None:
    proposal = next(proposed(people))
    url = f"/proposals/{proposal.pk}/decline/"
    assert b"Why do you decline it?" in manager.get(url, headers=HTMX).content
    refused = manager.post(url, {"reason": "  "}, headers=HTMX)
    assert refused.status_code == 422
    assert b"Say why you decline it." in refused.content
    done = manager.post(url, {"reason": "One customer skews it."}, headers=HTMX)
    assert done["HX-Redirect"] == "/proposals/"
    proposal.refresh_from_db()
    assert proposal.decline_reason == "One customer skews it."
    html = page(manager, "declined")
    assert "One customer skews it." in html
    assert "Not proposed again before" in html


def test_it_draws_the_dialog_as_a_page_without_scripts(
    manager: Client, people: dict[str, User]
) -> None:
    proposal = next(proposed(people))
    html = manager.get(f"/proposals/{proposal.pk}/decline/").content.decode()
    assert "<nav" in html
    assert "Why do you decline it?" in html
    done = manager.post(f"/proposals/{proposal.pk}/decline/", {"reason": "No"})
    assert done["Location"] == "/proposals/"


def test_it_does_not_decline_a_closed_one(manager: Client, people: dict[str, User]) -> None:
    proposal = next(proposed(people))
    decline_proposal(proposal=proposal, by=people["admin"], reason="No", now=timezone.now())
    url = f"/proposals/{proposal.pk}/decline/"
    assert manager.post(url, {"reason": "Mine"}, headers=HTMX).status_code == 409
    proposal.refresh_from_db()
    assert proposal.decline_reason == "No"


def test_it_looks_again(manager: Client, people: dict[str, User]) -> None:
    decided(people)
    assert not RuleProposal.objects.exists()
    assert manager.post("/proposals/refresh/")["Location"] == "/proposals/"
    assert RuleProposal.objects.filter(status="open").exists()


def test_it_escapes_what_people_wrote(manager: Client, people: dict[str, User]) -> None:
    proposal = next(proposed(people))
    text = "<script>alert(1)</script>"
    decline_proposal(proposal=proposal, by=people["admin"], reason=text, now=timezone.now())
    html = page(manager, "declined")
    assert text not in html
    assert "&lt;script&gt;alert(1)" in html


def test_its_queries_do_not_grow_with_the_proposals(
    manager: Client, people: dict[str, User], django_assert_max_num_queries: Callable[..., object]
) -> None:
    list(proposed(people))
    with django_assert_max_num_queries(28):  # type: ignore[attr-defined]
        page(manager)
