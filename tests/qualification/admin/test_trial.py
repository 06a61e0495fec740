"""A draft is tried on one lead beside the live version."""

from __future__ import annotations

from django.test import Client

from crm.models import Lead
from qualification.models import ScoringModel, ScoringRule
from tests import factories


def path_of(model: ScoringModel) -> str:
    return f"/admin/qualification/scoringmodel/{model.pk}/trial/"


def director(**fields: str) -> Lead:
    return factories.LeadFactory(title="Sales director", country="Elsewhere", **fields)


def test_it_shows_both_ledgers_and_marks_the_difference(admin: Client, draft: ScoringModel) -> None:
    lead = director()
    ScoringRule.objects.filter(model=draft, key="director").update(points="31")
    trial = admin.get(path_of(draft), {"lead": lead.pk}).context["trial"]
    assert (trial.here.total_tenths, trial.live.total_tenths) == (260, 200)
    assert (trial.here.grade, trial.live.grade) == ("B4", "B4")
    rows = {row.name: row for _part, rows in trial.parts for row in rows}
    assert rows["Director"].difference == 60
    assert not rows["Far away"].is_other


def test_a_rule_only_one_of_them_has_is_a_difference(admin: Client, draft: ScoringModel) -> None:
    lead = director()
    ScoringRule.objects.filter(model=draft, key="far-away").delete()
    trial = admin.get(path_of(draft), {"lead": lead.pk}).context["trial"]
    rows = {row.name: row for _part, rows in trial.parts for row in rows}
    assert rows["Far away"].here is None
    assert rows["Far away"].difference == 50


def test_it_finds_by_number_mail_address_and_name(admin: Client, draft: ScoringModel) -> None:
    lead = director(first_name="Ása", last_name="Björk", email="asa@brightwater.example")
    factories.LeadFactory(first_name="Otto", last_name="Bjarnason")
    for wanted in (str(lead.pk), "ASA@bright", "björk", "ása bjö"):
        page = admin.get(path_of(draft), {"q": wanted}).context
        assert page["lead"] == lead, wanted
    several = admin.get(path_of(draft), {"q": "bj"}).context
    assert (len(several["found"]), several["lead"]) == (2, None)
    assert admin.get(path_of(draft), {"q": "nobody"}).context["found"] == []


def test_the_live_version_has_nothing_beside_it(admin: Client, live: ScoringModel) -> None:
    trial = admin.get(path_of(live), {"lead": director().pk}).context["trial"]
    assert trial.live is None


def test_an_absent_lead_is_not_found(admin: Client, live: ScoringModel) -> None:
    assert admin.get(path_of(live), {"lead": "987654321"}).status_code == 404
