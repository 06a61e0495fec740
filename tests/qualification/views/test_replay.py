"""The replay: what the reviewer saw, whatever changed since."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import Lead, User
from qualification.models import Decision, ReviewItem, ScoringModel, ScoringRule
from qualification.review.decisions import nurture_lead, reject_lead, undo_decision
from qualification.review.nurture import WakeWish
from tests import factories
from tests.qualification.decision_support import active_model, answer, reason

pytestmark = pytest.mark.django_db
Login = Callable[[User], Client]


@pytest.fixture
def rejected(
    owned: Callable[..., ReviewItem], people: dict[str, User], here: dt.datetime
) -> Decision:
    """A rejected VP of a company, with one answer."""
    account = factories.AccountFactory(name="Teranga Foods", industry="Food", employees=260)
    item = owned(account=account, last_name="Diallo", attributes={"sites": 3})
    answer(item.lead, "pain", people["sdr"], value="Mis-picks", now=here)
    return reject_lead(
        item=item,
        token=item.token,
        by=people["sdr"],
        reason=reason("too_small"),
        note="Two people in a garage.",
        now=here,
    )


def html_of(client: Client, decision: Decision) -> str:
    response = client.get(f"/decisions/{decision.pk}/")
    assert response.status_code == 200
    return response.content.decode()


def test_it_shows_what_was_frozen(
    login: Login, people: dict[str, User], rejected: Decision
) -> None:
    html = html_of(login(people["manager"]), rejected)
    for text in (
        "Replay of",
        "Later changes are not shown.",
        "Rejected: Company too small",
        "Two people in a garage.",
        "facts known.",
        "Nobody known for:",
        "Diallo",
        "Teranga Foods",
        "260",
        "Rules v1",
        "VP",
        "+20.0",
        "30.0",
        "Mis-picks",
        "Confirmed",
        "First response",
    ):
        assert text in html, text


def test_it_does_not_follow_later_changes(
    login: Login, people: dict[str, User], rejected: Decision, live_model: ScoringModel
) -> None:
    before = html_of(login(people["manager"]), rejected)
    Lead.objects.filter(pk=rejected.lead_id).update(last_name="Renamed-Kx9", title="Student")
    ScoringModel.objects.filter(pk=live_model.pk).update(
        status="retired", retired_at=timezone.now()
    )
    active_model(points="5.0")
    after = html_of(login(people["manager"]), rejected)
    assert "Renamed-Kx9" not in after
    assert main_part(after) == main_part(before)


def main_part(html: str) -> str:
    return html[html.index("replay-note") : html.index("Decisions on this lead")]


def test_its_lines_add_up_to_the_frozen_total(rejected: Decision) -> None:
    lines = rejected.frozen["ledger"]["lines"]
    assert sum(line["points_tenths"] for line in lines) == rejected.total_tenths
    assert ScoringRule.objects.filter(key="vp-title").exists()


def test_it_is_hidden_from_other_teams(
    login: Login, stranger: User, people: dict[str, User], rejected: Decision
) -> None:
    assert login(stranger).get(f"/decisions/{rejected.pk}/").status_code == 404
    assert login(people["ae"]).get(f"/decisions/{rejected.pk}/").status_code == 404


def test_an_undo_leads_to_what_it_undid(
    login: Login, people: dict[str, User], rejected: Decision, here: dt.datetime
) -> None:
    undone = undo_decision(decision=rejected, by=people["sdr"], now=here)
    client = login(people["sdr"])
    response = client.get(f"/decisions/{undone.pk}/")
    assert response["Location"] == f"/decisions/{rejected.pk}/"
    assert "Undone" in html_of(client, rejected)


def test_it_shows_the_chain_of_decisions(
    login: Login, people: dict[str, User], rejected: Decision, here: dt.datetime
) -> None:
    undo_decision(decision=rejected, by=people["sdr"], now=here)
    item = rejected.lead.items.exclude(state="closed").get()
    later = nurture_lead(
        item=item,
        token=item.token,
        by=people["sdr"],
        reason=reason("no_project"),
        wake=WakeWish(on=here.date() + dt.timedelta(days=9)),
        now=here,
    )
    html = html_of(login(people["sdr"]), later)
    assert f'href="/decisions/{rejected.pk}/"' in html
    assert "No project now" in html
    assert "at the latest" in html


def test_it_shows_a_decision_without_a_score(
    login: Login, claimed: Callable[..., ReviewItem], people: dict[str, User], here: dt.datetime
) -> None:
    item = claimed()
    ScoringModel.objects.update(status="retired", retired_at=timezone.now())
    decision = reject_lead(
        item=item, token=item.token, by=people["sdr"], reason=reason("too_small"), now=here
    )
    assert "There was no score." in html_of(login(people["sdr"]), decision)
