"""Erasing a person: nothing of them is left in any column, and what was decided still stands."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import connection

from crm.models import Account, Erasure, InboxMessage, Lead, LeadIdentity, User
from crm.stages import Stage
from qualification.audit.verify import verify
from qualification.choices import DecisionKind
from qualification.exceptions import (
    ErasureRefused,
    LeadErased,
    NothingRecorded,
)
from qualification.invariants import violations
from qualification.models import (
    Decision,
    Touch,
)
from qualification.personal.erase import erase_person
from qualification.personal.requests import withdraw_erasure
from qualification.review import tallies
from qualification.review.past import past_of
from qualification.review.replay import Screen, replay_of
from tests import factories
from tests.qualification.audit.test_chain import settle
from tests.qualification.decision_support import MINUTE, NOW
from tests.qualification.personal import canary
from tests.qualification.personal.erasing import LATER, lead

__all__ = ["lead"]
pytestmark = pytest.mark.django_db


def test_nothing_of_the_person_is_left_anywhere(lead: Lead, people: dict[str, User]) -> None:
    assert len({place.partition(".")[0] for place in canary.found()}) >= 18
    canary.erased(lead, people, now=LATER)
    assert canary.found() == []
    settle()
    assert verify().breaks == []
    assert violations(now=LATER) == []
    lead.refresh_from_db()
    assert (lead.name, lead.stage, lead.erased_at) == (
        f"Lead {lead.pk}",
        Stage.OPPORTUNITY,
        LATER,
    )


def test_twice(lead: Lead, people: dict[str, User]) -> None:
    erasure = canary.erased(lead, people, now=LATER)
    with pytest.raises(LeadErased, match="erased on 23 Nov 2026"):
        erase_person(erasure=erasure, confirmed=lead.name, by=people["admin"], now=LATER)
    with pytest.raises(LeadErased):
        canary.asked_for(lead, people, now=LATER)


def test_only_an_admin_and_only_by_name(lead: Lead, people: dict[str, User]) -> None:
    erasure = canary.asked_for(lead, people, now=LATER)
    for role in ("sdr", "ae", "manager", "marketing"):
        with pytest.raises(PermissionDenied):
            erase_person(erasure=erasure, confirmed=lead.name, by=people[role], now=LATER)
    for wrong in ("", "Zyxanna", f"Lead {lead.pk}"):
        with pytest.raises(ErasureRefused, match="Type the name"):
            erase_person(erasure=erasure, confirmed=wrong, by=people["admin"], now=LATER)
    withdraw_erasure(erasure=erasure, by=people["manager"], now=LATER)
    with pytest.raises(ErasureRefused, match="withdrawn"):
        erase_person(erasure=erasure, confirmed=lead.name, by=people["admin"], now=LATER)
    lead.refresh_from_db()
    assert lead.name == canary.NAME


def test_a_replay_shows_the_frozen_ledger_and_nobody(lead: Lead, people: dict[str, User]) -> None:
    before = screen(lead)
    canary.erased(lead, people, now=LATER)
    after = screen(lead)
    assert before.ledger is not None
    assert after.ledger is not None
    assert [line.points_tenths for line in after.ledger.lines] == [
        line.points_tenths for line in before.ledger.lines
    ]
    assert [line.name for line in after.ledger.lines] == [line.name for line in before.ledger.lines]
    assert {line.fact for line in after.ledger.lines if line.rule_key} == {""}
    assert (after.name, after.company, after.touches) == ("", "", before.touches)
    assert [answer.state for answer in after.answers] == [a.state for a in before.answers]
    assert after.clocks == before.clocks


def screen(lead: Lead) -> Screen:
    return replay_of(Decision.objects.filter(lead=lead).latest("pk")).screen


def test_a_look_back_shows_what_was_frozen_by_then(lead: Lead, people: dict[str, User]) -> None:
    canary.erased(lead, people, now=LATER)
    lead.refresh_from_db()
    past = past_of(lead, at=NOW + 5 * MINUTE)
    first = Decision.objects.filter(lead=lead).earliest("pk")
    assert (past.frozen_at, past.then.total_tenths) == (first.at, first.total_tenths)
    with pytest.raises(NothingRecorded):
        past_of(lead, at=NOW)
    out = io.StringIO()
    call_command("explain", str(lead.pk), "--as-of", LATER.isoformat(), stdout=out)
    assert "Personal data erased on 2026-11-23" in out.getvalue()
    assert "VP" in out.getvalue()
    with pytest.raises(CommandError, match="were erased"):
        call_command("explain", str(lead.pk), "--as-of", NOW.isoformat(), stdout=out)


def test_figures_stay(lead: Lead, people: dict[str, User]) -> None:
    before = figures()
    canary.erased(lead, people, now=LATER)
    assert figures() == before


def figures() -> dict[str, Any]:
    """What reports and evidence are made of."""
    tallies.learn_tallies(now=LATER)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.key, t.answers FROM qualification_questiontally AS t"
            " JOIN qualification_criterion AS c ON c.id = t.criterion_id"
        )
        taught = dict(cursor.fetchall())
    return {
        "leads": list(Lead.objects.values_list("source", "channel", "campaign", "country")),
        "fired": list(Decision.objects.order_by("pk").values_list("kind", "fired", "grade")),
        "standing": Decision.objects.standing().count(),
        "touches": list(Touch.objects.order_by("pk").values_list("kind", "result", "at")),
        "taught": taught,
    }


def test_a_company_others_belong_to_stays(lead: Lead, people: dict[str, User]) -> None:
    account = lead.account
    assert account is not None
    factories.LeadFactory(account=account, team=lead.team)
    canary.erased(lead, people, now=LATER)
    lead.refresh_from_db()
    assert lead.account is None
    account.refresh_from_db()
    assert account.name == "Kanarienvogel AG"
    assert Erasure.objects.get().company is None


def test_a_company_of_this_person_alone_goes(lead: Lead, people: dict[str, User]) -> None:
    account = lead.account
    assert account is not None
    canary.erased(lead, people, now=LATER)
    found = Account.objects.get(pk=account.pk)
    assert (found.name, found.website, found.domains.count()) == (f"Company {found.pk}", "", 0)
    assert Erasure.objects.get().company == account.pk


def test_a_message_that_never_became_a_lead_goes_too(lead: Lead, people: dict[str, User]) -> None:
    others = InboxMessage.objects.create(
        source=factories.SourceFactory(),
        event_key="id:9",
        received_at=NOW,
        body=b'{"email": "somebody@else.example", "type": "No"}',
        state="quarantined",
        due_at=NOW,
    )
    canary.erased(lead, people, now=LATER)
    set_aside = InboxMessage.objects.exclude(pk=others.pk).filter(state="quarantined").get()
    assert (bytes(set_aside.body), set_aside.error) == (b"", "Its person was erased")
    others.refresh_from_db()
    assert b"somebody" in bytes(others.body)


@pytest.mark.parametrize(
    ("text", "is_theirs"),
    [
        ('{"email": "%s"', True),
        ('{"message": "Write to\\n%s.', True),
        ("email=%s&type=no", True),
        ('{"email": "jo%s"', False),
        ('{"email": "jo.%s"', False),
        ('{"email": "%s.au"', False),
    ],
)
def test_a_longer_address_that_ends_or_begins_like_theirs_is_anothers(
    lead: Lead, people: dict[str, User], text: str, is_theirs: bool
) -> None:
    broken = InboxMessage.objects.create(
        source=factories.SourceFactory(),
        event_key="id:9",
        received_at=NOW,
        body=(text % lead.email).encode(),
        state="quarantined",
        due_at=NOW,
    )
    canary.erased(lead, people, now=LATER)
    broken.refresh_from_db()
    assert (bytes(broken.body) == b"") == is_theirs


def test_an_old_event_delivered_again_is_known(lead: Lead, people: dict[str, User]) -> None:
    source = InboxMessage.objects.earliest("pk").source
    n_leads, n_messages = Lead.objects.count(), InboxMessage.objects.count()
    canary.erased(lead, people, now=LATER)
    again = canary.message(source, event="1", now=LATER)
    assert (Lead.objects.count(), InboxMessage.objects.count()) == (n_leads, n_messages)
    assert again.lead_id == lead.pk
    assert canary.found() == []


def test_who_turns_up_again_is_a_new_lead(lead: Lead, people: dict[str, User]) -> None:
    source = InboxMessage.objects.earliest("pk").source
    canary.erased(lead, people, now=LATER)
    new = canary.message(source, event="new", now=LATER).lead
    assert new is not None
    assert new.pk != lead.pk
    assert (new.name, new.opted_out) == (canary.NAME, False)
    assert LeadIdentity.objects.get().lead == new


def test_the_operator_erases_by_command(lead: Lead) -> None:
    out = io.StringIO()
    with pytest.raises(CommandError, match="give --yes"):
        call_command("erase_person", str(lead.pk), "--reference", "T-1", stdout=out)
    assert canary.found()
    with pytest.raises(CommandError, match="Name the request"):
        call_command("erase_person", str(lead.pk), "--yes", stdout=out)
    call_command(
        "erase_person", "chat:kanari-7", "--reference", "T-1", "--no-contact", "--yes", stdout=out
    )
    assert out.getvalue().endswith(f"erased lead={lead.pk} reference=T-1\n")
    assert canary.found() == []
    erasure = Erasure.objects.get()
    assert (erasure.asked_by, erasure.carried_out_by, erasure.is_no_contact) == (None, None, True)
    with pytest.raises(CommandError, match="were erased"):
        call_command("erase_person", str(lead.pk), "--reference", "T-1", "--yes", stdout=out)


def test_it_keeps_the_kind_of_every_decision(lead: Lead, people: dict[str, User]) -> None:
    canary.erased(lead, people, now=LATER)
    kinds = Decision.objects.filter(lead=lead).order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == [DecisionKind.ACCEPT, DecisionKind.ACCEPT]
