"""The flag on a score line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import User
from qualification.models import ReviewItem, ScoreDispute, ScoringModel, ScoringRule
from qualification.scoring.drafts import copy_to_draft

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]


def test_it_flags_and_takes_back(sdr: Client, claimed: Make) -> None:
    item, rule = claimed(), ScoringRule.objects.get()
    url = f"/leads/{item.lead_id}/dispute/"
    html = sdr.post(url, {"rule": rule.pk, "kind": "stale"}, headers=HTMX).content.decode()
    assert ScoreDispute.objects.get().kind == "stale"
    assert '<span class="chip warn"' in html
    assert "You flagged" in html
    html = sdr.post(url, {"rule": rule.pk, "kind": "withdraw"}, headers=HTMX).content.decode()
    assert ScoreDispute.objects.get().withdrawn_at is not None
    assert '<span class="chip warn"' not in html


def test_it_goes_back_to_the_lead_without_htmx(sdr: Client, waiting: Make) -> None:
    item, rule = waiting(), ScoringRule.objects.get()
    response = sdr.post(f"/leads/{item.lead_id}/dispute/", {"rule": rule.pk, "kind": "bot"})
    assert response["Location"] == f"/leads/{item.lead_id}/"


@pytest.mark.parametrize(
    ("rule", "kind", "status"),
    [("x", "bot", 400), ("", "bot", 400), ("987654", "bot", 404), ("1", "lies", 404)],
)
def test_it_refuses_nonsense(sdr: Client, waiting: Make, rule: str, kind: str, status: int) -> None:
    item = waiting()
    response = sdr.post(f"/leads/{item.lead_id}/dispute/", {"rule": rule, "kind": kind})
    assert response.status_code in {400, status}
    assert not ScoreDispute.objects.exists()


def test_it_refuses_other_teams(
    login: Callable[[User], Client], stranger: User, waiting: Make
) -> None:
    item = waiting()
    given = {"rule": ScoringRule.objects.get().pk, "kind": "bot"}
    assert login(stranger).post(f"/leads/{item.lead_id}/dispute/", given).status_code == 404


def test_it_takes_a_note_with_a_nul(sdr: Client, waiting: Make) -> None:
    item, rule = waiting(), ScoringRule.objects.get()
    form = {"rule": rule.pk, "kind": "bot", "note": "a\x00b"}
    sdr.post(f"/leads/{item.lead_id}/dispute/", form)
    assert ScoreDispute.objects.get().note == "ab"


def test_it_knows_no_rule_of_a_draft(
    sdr: Client, waiting: Make, people: dict[str, User], now: dt.datetime
) -> None:
    item, live = waiting(), ScoringModel.objects.get()
    draft = copy_to_draft(model=live, by=people["admin"], now=now)
    form = {"rule": draft.rules.get().pk, "kind": "bot"}
    assert sdr.post(f"/leads/{item.lead_id}/dispute/", form).status_code == 404


def test_the_dialog_of_a_decision_flags_lines_too(sdr: Client, claimed: Make) -> None:
    """Both dialogs ask which lines misled; saying so redraws the lines and the ledger behind."""
    item, rule = claimed(), ScoringRule.objects.get()
    for verb in ("reject", "accept"):
        html = sdr.get(f"/leads/{item.lead_id}/{verb}/", headers=HTMX).content.decode()
        assert "Which score lines misled?" in html
        assert f"What is wrong with {rule.name}" in html
    given = {"rule": rule.pk, "kind": "stale", "from": "dialog"}
    url = f"/leads/{item.lead_id}/dispute/"
    over = HTMX | {"HX-Current-URL": f"http://testserver/leads/{item.lead_id}/?ask=pain"}
    html = sdr.post(url, given, headers=over).content.decode()
    assert html.startswith('<div class="field" id="misled">')
    assert '<option value="stale" selected>' in html
    assert 'id="ledger-block" hx-swap-oob="true"' in html
    assert ScoreDispute.objects.get().kind == "stale"
    html = sdr.get(f"/leads/{item.lead_id}/reject/", headers=HTMX).content.decode()
    assert '<option value="stale" selected>' in html
    alone = HTMX | {"HX-Current-URL": f"http://testserver/leads/{item.lead_id}/reject/"}
    html = sdr.post(url, given | {"kind": "withdraw"}, headers=alone).content.decode()
    assert "hx-swap-oob" not in html
    assert ScoreDispute.objects.get().withdrawn_at is not None
