"""Asking that a person is erased, and taking it back."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied

from crm.models import Erasure, ErasureReason, Lead, User
from qualification.choices import NoticeKind
from qualification.exceptions import ErasureRefused, LeadErased
from qualification.models import AuditEntry, Notice
from qualification.notices.reads import shown_to
from qualification.personal.requests import ask_erasure, withdraw_erasure
from tests import factories
from tests.qualification.audit.test_chain import settle
from tests.qualification.decision_support import NOW
from tests.qualification.personal import canary

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(people: dict[str, User]) -> Lead:
    return factories.LeadFactory(team=people["sdr"].team, phone="+49 30 1234")


def test_it_waits_for_an_admin_who_is_told(lead: Lead, people: dict[str, User]) -> None:
    erasure = canary.asked_for(lead, people, now=NOW, reference="  T-1  of May ")
    assert (erasure.reference, erasure.carried_out_at) == ("T-1 of May", None)
    notice = Notice.objects.get(kind=NoticeKind.ERASURE_ASKED)
    assert notice.person == people["admin"]
    (shown,) = shown_to(people["admin"], [notice])
    assert (
        shown.sentence == f"{people['manager']} asks that the personal data of {lead} are erased."
    )
    lead.refresh_from_db()
    assert lead.erased_at is None


@pytest.mark.parametrize("role", ["sdr", "ae", "marketing"])
def test_not_everybody_asks(role: str, lead: Lead, people: dict[str, User]) -> None:
    with pytest.raises(PermissionDenied):
        ask(lead, by=people[role])
    assert not Erasure.objects.exists()


def test_a_manager_asks_for_leads_in_sight(people: dict[str, User]) -> None:
    foreign = factories.LeadFactory(team=factories.TeamFactory(name="Elsewhere"))
    with pytest.raises(ErasureRefused, match="another team"):
        ask(foreign, by=people["manager"])
    ask(foreign, by=people["admin"])


def test_twice(lead: Lead, people: dict[str, User]) -> None:
    ask(lead, by=people["manager"])
    with pytest.raises(ErasureRefused, match="already"):
        ask(lead, by=people["admin"])
    assert Erasure.objects.count() == 1


@pytest.mark.parametrize(
    "reference",
    ["", "   ", "x" * 121, "asked by Hannah", "mail of VOGEL99", "lead99@brightwater.example"],
)
def test_the_reference_names_a_request_and_nobody(reference: str, people: dict[str, User]) -> None:
    lead = factories.LeadFactory(
        team=people["sdr"].team, last_name="Vogel99", email="lead99@brightwater.example"
    )
    with pytest.raises(ErasureRefused):
        ask(lead, by=people["manager"], reference=reference)


def test_it_can_be_withdrawn_while_it_waits(lead: Lead, people: dict[str, User]) -> None:
    erasure = ask(lead, by=people["manager"])
    withdraw_erasure(erasure=erasure, by=people["manager"], now=NOW)
    assert not Erasure.objects.exists()
    assert not Notice.objects.exists()
    settle()
    deeds = AuditEntry.objects.filter(subject_table="crm_erasure").order_by("seq")
    assert list(deeds.values_list("deed", flat=True)) == ["insert", "delete"]
    with pytest.raises(ErasureRefused, match="withdrawn"):
        withdraw_erasure(erasure=erasure, by=people["manager"], now=NOW)
    ask(lead, by=people["manager"])


def test_not_by_everybody_and_not_once_it_is_done(lead: Lead, people: dict[str, User]) -> None:
    with pytest.raises(PermissionDenied):
        withdraw_erasure(erasure=ask(lead, by=people["manager"]), by=people["sdr"], now=NOW)
    Erasure.objects.all().delete()
    erasure = canary.erased(lead, people, now=NOW)
    with pytest.raises(LeadErased):
        withdraw_erasure(erasure=erasure, by=people["manager"], now=NOW)


def ask(lead: Lead, *, by: User, reference: str = "T-1") -> Erasure:
    return ask_erasure(
        lead=lead,
        reference=reference,
        reason=ErasureReason.ASKED,
        is_no_contact=False,
        by=by,
        now=NOW,
    )
