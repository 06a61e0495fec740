"""Erasing a person: nothing of them is left in any column, and what was decided still stands."""

from __future__ import annotations

import datetime as dt
import io
from collections import Counter
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from crm.models import Account, Erasure, InboxMessage, Lead, LeadIdentity, User
from crm.stages import Stage
from qualification.audit.verify import verify
from qualification.choices import CloseReason, DecisionKind, ItemState, TimerState
from qualification.exceptions import (
    AlreadyDecided,
    ErasureRefused,
    LeadErased,
    NothingRecorded,
    NotOverturnable,
    UndoExpired,
)
from qualification.handoff.answers import take_handoff
from qualification.invariants import violations
from qualification.models import (
    AuditEntry,
    Decision,
    Handoff,
    NurturePlan,
    OutboxMessage,
    ReviewItem,
    SLATimer,
    Touch,
)
from qualification.personal.erase import erase_person
from qualification.personal.requests import withdraw_erasure
from qualification.review import decisions, tallies
from qualification.review.decisions import overturn_rejection, undo_decision
from qualification.review.past import past_of
from qualification.review.queue import apply_line
from qualification.review.replay import Screen, replay_of
from tests import factories
from tests.qualification import decision_support, queue_support
from tests.qualification.audit.test_chain import settle
from tests.qualification.decision_support import MINUTE, NOW
from tests.qualification.personal import canary

pytestmark = pytest.mark.django_db
LATER = NOW + 20 * MINUTE


@pytest.fixture
def lead(people: dict[str, User]) -> Lead:
    walked = canary.walk(people)
    settle()
    return walked


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


def test_the_chain_says_who_and_still_finds_tampering(lead: Lead, people: dict[str, User]) -> None:
    erasure = canary.erased(lead, people, now=LATER)
    settle()
    entry = AuditEntry.objects.filter(subject_table="crm_erasure").latest("seq")
    assert (entry.kind, entry.deed, entry.actor) == ("erasure", "update", people["admin"].pk)
    deeds = AuditEntry.objects.filter(deed="erase").values_list("subject_table", flat=True)
    assert Counter(deeds) == {"qualification_decision": 2, "qualification_handoff": 2}
    assert verify().is_whole
    for table, change in (
        ("qualification_decision", "fired = '{}'"),
        ("qualification_decision", "note = 'kept after all'"),
        ("qualification_handoff", "packet = '{}'"),
        ("crm_erasure", f"reference = 'x{erasure.pk}'"),
    ):
        mark = transaction.savepoint()
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(f"UPDATE {table} SET {change}")
            cursor.execute("SET LOCAL session_replication_role = origin")
        assert verify().n_breaks > 0, change
        transaction.savepoint_rollback(mark)
    assert verify().is_whole


def test_an_erasure_nobody_asked_for_is_a_break(people: dict[str, User]) -> None:
    """Somebody who owns the server blanks a note, with the setting and without the trigger."""
    decision = decision_support.rejected(people["sdr"])
    settle()
    assert verify().is_whole
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('leadqual.erasing', %s, true)", [str(decision.lead_id)])
        cursor.execute("ALTER TABLE qualification_decision DISABLE TRIGGER USER")
        cursor.execute("ALTER TABLE qualification_decision ENABLE TRIGGER leadqual_audit_update")
        cursor.execute(
            "UPDATE qualification_decision SET frozen = '{}' WHERE id = %s", [decision.pk]
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE qualification_decision ENABLE TRIGGER USER")
    last = AuditEntry.objects.latest("seq")
    assert last.deed == "erase"
    assert verify().breaks == [f"entry {last.seq}: an erasure that nobody asked for"]


DOORLESS = [
    "UPDATE qualification_decision SET note = '' WHERE note <> ''",
    "UPDATE qualification_decision SET frozen = '{}'",
    "UPDATE qualification_handoff SET packet = '{}'",
    "UPDATE qualification_itemevent SET note = ''",
    "UPDATE qualification_touch SET note = ''",
    "UPDATE qualification_skip SET note = ''",
    "UPDATE qualification_handoffmove SET reason = '[erased]'",
    "UPDATE crm_activity SET properties = '{}'",
    "UPDATE crm_leadevent SET first_name = ''",
    "UPDATE crm_outcome SET told_lead = '', value = 'won'",
]


def test_raw_sql_without_the_door_is_refused(lead: Lead) -> None:
    for statement in DOORLESS:
        with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
            run(statement)
    # Nor with the setting alone: nobody has asked.
    run(f"SELECT set_config('leadqual.erasing', '{lead.pk}', true)")
    for statement in DOORLESS:
        with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
            run(statement)


WIDER = [
    "UPDATE qualification_decision SET note = 'another', frozen = frozen",
    "UPDATE qualification_decision SET note = '', total_tenths = 7",
    "UPDATE qualification_touch SET result = 'sent'",
    "DELETE FROM qualification_touch",
    "UPDATE crm_leadevent SET first_name = 'Other'",
    "UPDATE crm_leadevent SET stage = 'won'",
]


def test_the_door_is_no_wider_than_the_erasure(lead: Lead, people: dict[str, User]) -> None:
    canary.erased(lead, people, now=LATER)
    for statement in WIDER:
        with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
            run(statement)


def test_the_door_is_for_this_person_only(lead: Lead, people: dict[str, User]) -> None:
    other = decision_support.rejected(people["sdr"])
    canary.erased(lead, people, now=LATER)
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        run(f"UPDATE qualification_decision SET frozen = '{{}}' WHERE id = {other.pk}")
    other.refresh_from_db()
    assert other.frozen["lead"]["first_name"] == "Hannah"


def test_postgres_keeps_an_erased_lead_blank_and_at_its_end(people: dict[str, User]) -> None:
    lead = decision_support.rejected(people["sdr"]).lead
    canary.erased(lead, people, now=LATER)
    for change in (
        "first_name = 'Back'",
        "attributes = '{\"a\": 1}'",
        "email_key = 'back@brightwater.example'",
        "stage = 'mql', disqualified_by = ''",
        "disqualified_by = 'rule'",
    ):
        with pytest.raises(IntegrityError, match="crm_lead_erased_is_blank"), transaction.atomic():
            run(f"UPDATE crm_lead SET {change} WHERE id = {lead.pk}")


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


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


@pytest.mark.parametrize("state", ["new", "waiting", "claimed", "owned", "nurture", "rule"])
def test_work_on_the_lead_ends(state: str, people: dict[str, User]) -> None:
    lead = lead_in(state, people)
    canary.erased(lead, people, now=LATER)
    lead.refresh_from_db()
    assert (lead.stage, lead.disqualified_by) == (Stage.DISQUALIFIED, "person")
    assert not ReviewItem.objects.open().filter(lead=lead).exists()
    assert not SLATimer.objects.filter(lead=lead, state__in=["running", "paused"]).exists()
    assert not NurturePlan.objects.waiting().filter(lead=lead).exists()
    if state in ("waiting", "claimed", "owned"):
        item = ReviewItem.objects.get(lead=lead)
        assert item.close_reason == CloseReason.ERASED
        timers = SLATimer.objects.filter(item=item).order_by("pk")
        assert timers.last().state == TimerState.CANCELLED  # type: ignore[union-attr]
    assert violations(now=LATER) == []


def lead_in(state: str, people: dict[str, User]) -> Lead:
    sdr = people["sdr"]
    if state in ("claimed", "owned"):
        return decision_support.held_item(sdr, state).lead
    if state == "nurture":
        lead = decision_support.nurtured(sdr).lead
    elif state == "waiting":
        lead = decision_support.waiting_item(sdr.team).lead
    else:
        lead = factories.LeadFactory(team=sdr.team)
    if state == "rule":
        queue_support.give_score(lead, 700, disqualified="student")
        apply_line([lead.pk], model=queue_support.active_model(), now=NOW)
    lead.refresh_from_db()
    return lead


def test_a_rule_has_no_say_over_an_erased_lead(people: dict[str, User]) -> None:
    """Scored anew, the blank facts disqualify nobody: the lead must not come back by that."""
    lead = lead_in("rule", people)
    assert lead.disqualified_by == "rule"
    canary.erased(lead, people, now=LATER)
    queue_support.give_score(lead, 700)
    apply_line([lead.pk], model=queue_support.active_model(), now=LATER)
    lead.refresh_from_db()
    assert lead.stage == Stage.DISQUALIFIED


def test_messages_that_wait_are_called_back(people: dict[str, User]) -> None:
    decision = decision_support.accepted(people)
    canary.erased(decision.lead, people, now=LATER)
    assert OutboxMessage.objects.get().state == OutboxMessage.State.CANCELLED
    assert Handoff.objects.get().state == Handoff.State.CANCELLED
    assert violations(now=LATER) == []


def test_what_an_ae_took_stays_counted(people: dict[str, User]) -> None:
    decision = decision_support.accepted(people)
    take_handoff(handoff=decision.handoff, by=people["ae"], now=NOW + 6 * MINUTE)
    canary.erased(decision.lead, people, now=LATER)
    decision.lead.refresh_from_db()
    handoff = Handoff.objects.get()
    assert (decision.lead.stage, handoff.state) == (Stage.SQL, Handoff.State.ACCEPTED)
    assert handoff.packet["lead"]["name"] == f"Lead {decision.lead_id}"
    assert violations(now=LATER) == []


def test_a_decision_after_it_is_refused(people: dict[str, User]) -> None:
    """C3: the page was drawn before."""
    item = decision_support.held_item(people["sdr"], ItemState.OWNED)
    canary.erased(item.lead, people, now=LATER)
    with pytest.raises(AlreadyDecided, match="Personal data erased"):
        decisions.reject_lead(
            item=item,
            token=item.token,
            by=people["sdr"],
            reason=decision_support.reason("too_small"),
            now=LATER,
        )
    assert not Decision.objects.exists()


def test_no_way_back_by_undo_or_overturn(people: dict[str, User]) -> None:
    decision = decision_support.rejected(people["sdr"], now=LATER)
    canary.erased(decision.lead, people, now=LATER)
    second = dt.timedelta(seconds=1)
    with pytest.raises(UndoExpired, match="erased"):
        undo_decision(decision=decision, by=people["sdr"], now=LATER + second)
    with pytest.raises(NotOverturnable, match="erased"):
        overturn_rejection(decision=decision, by=people["manager"], note="Again", now=LATER)
    decision.lead.refresh_from_db()
    assert decision.lead.stage == Stage.DISQUALIFIED


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
