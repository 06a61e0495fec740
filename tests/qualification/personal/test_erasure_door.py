"""The door of the erasure in PostgreSQL: no wider than an erasure, and in the chain."""

from __future__ import annotations

from collections import Counter

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from crm.models import Lead, User
from qualification.audit.verify import verify
from qualification.models import (
    AuditEntry,
)
from tests.qualification import decision_support
from tests.qualification.audit.test_chain import settle
from tests.qualification.personal import canary
from tests.qualification.personal.erasing import LATER, lead

__all__ = ["lead"]
pytestmark = pytest.mark.django_db


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
    "UPDATE qualification_touch SET found = '{}'",
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
