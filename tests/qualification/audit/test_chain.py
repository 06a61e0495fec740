"""The chain: what is in it, what it refuses, and that it is whole when nobody touched it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import Error, connection, transaction
from django.test import Client
from django.utils import timezone

from crm.models import User
from crm.roles import Role
from qualification import jobs
from qualification.audit.tables import BY_TABLE, CHAINED
from qualification.audit.triggers import trigger_arguments
from qualification.audit.verify import verify
from qualification.choices import ItemState
from qualification.models import AuditCheck, AuditEntry, Decision, RejectionReason
from qualification.review.decisions import reject_lead
from tests.qualification import queue_support
from tests.qualification.decision_support import MINUTE, NOW, accepted, held_item, reason

KINDS_OF_TRIGGERS = {"insert", "update", "delete"}


def settle() -> None:
    """What waits for the commit happens now."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def last_of(table: str, pk: int) -> AuditEntry:
    return AuditEntry.objects.filter(subject_table=table, subject=pk).latest("seq")


def rejected(by: User) -> Decision:
    item = held_item(by, ItemState.OWNED)
    return reject_lead(
        item=item,
        token=item.token,
        by=by,
        reason=reason("too_small"),
        note="Two people in a garage",
        now=NOW + 5 * MINUTE,
    )


@pytest.mark.django_db
def test_a_decision_is_in_it_with_who_and_without_personal_words(people: dict[str, User]) -> None:
    decision = rejected(people["sdr"])
    settle()
    entry = last_of("qualification_decision", decision.pk)
    assert (entry.kind, entry.deed, entry.actor) == ("decision", "insert", people["sdr"].pk)
    assert entry.sealed
    assert "garage" not in str(vars(entry))
    assert verify().is_whole


@pytest.mark.django_db
def test_the_hash_is_what_the_documentation_says(people: dict[str, User]) -> None:
    rejected(people["sdr"])
    settle()
    previous = "0" * 64
    for entry in AuditEntry.objects.order_by("seq"):
        if entry.seq > 1:
            assert entry.previous == previous
        micros = round(entry.at.timestamp() * 1_000_000)
        text = (
            f"{entry.seq}|{micros}|{entry.kind}|{entry.deed}|{entry.subject_table}|"
            f"{entry.subject}|{'' if entry.actor is None else entry.actor}|"
            f"{entry.digest}|{entry.sealed}|{entry.previous}"
        )
        assert entry.hash == hashlib.sha256(text.encode()).hexdigest()
        previous = entry.hash


@pytest.mark.django_db
def test_rights_are_in_it_and_a_log_in_is_not(people: dict[str, User]) -> None:
    sdr = people["sdr"]
    settle()
    before = AuditEntry.objects.count()
    User.objects.filter(pk=sdr.pk).update(last_login=timezone.now(), first_name="Other")
    settle()
    assert AuditEntry.objects.count() == before
    User.objects.filter(pk=sdr.pk).update(is_active=False)
    sdr.groups.clear()
    settle()
    deeds = AuditEntry.objects.filter(seq__gt=before).values_list("kind", "subject_table", "deed")
    assert sorted(deeds) == [
        ("permission", "crm_user", "update"),
        ("permission", "crm_user_groups", "delete"),
    ]
    assert verify().is_whole


@pytest.mark.django_db
def test_raw_sql_and_bulk_writes_are_in_it(db: None) -> None:
    settle()
    before = AuditEntry.objects.count()
    changed = RejectionReason.objects.update(position=99)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE qualification_rejectionreason SET is_active = NOT is_active")
    settle()
    assert AuditEntry.objects.count() == before + 2 * changed
    assert verify().is_whole


@pytest.mark.django_db
def test_a_change_in_the_admin_names_its_person(
    people: dict[str, User], login: Callable[[User], Client]
) -> None:
    group = reason("too_small")
    path = f"/admin/qualification/rejectionreason/{group.pk}/change/"
    data = {
        "key": group.key,
        "group": group.group,
        "label": "Too small for us",
        "influences": group.influences,
        "position": group.position,
        "is_active": "on",
    }
    answer = login(people["admin"]).post(path, data)
    assert answer.status_code == 302
    settle()
    entry = last_of("qualification_rejectionreason", group.pk)
    assert (entry.kind, entry.deed, entry.actor) == ("policy", "update", people["admin"].pk)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE qualification_auditentry SET digest = repeat('a', 64)",
        "UPDATE qualification_auditentry SET salt = '\\x00'",
        "UPDATE qualification_auditentry SET salt = NULL, actor = 7",
        "DELETE FROM qualification_auditentry",
        "TRUNCATE qualification_auditentry",
        "INSERT INTO qualification_auditentry SELECT seq + 100000, at, kind, deed, subject_table,"
        " subject, actor, digest, sealed, salt, previous, hash FROM qualification_auditentry"
        " LIMIT 1",
    ],
)
def test_the_chain_refuses_it(people: dict[str, User], statement: str) -> None:
    rejected(people["sdr"])
    settle()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE qualification_auditentry ENABLE TRIGGER leadqual_audit_whole")
        with pytest.raises(Error, match="written by triggers"):
            cursor.execute(statement)


@pytest.mark.django_db
def test_a_salt_that_is_gone_is_no_secret(people: dict[str, User]) -> None:
    decision = rejected(people["sdr"])
    settle()
    entry = last_of("qualification_decision", decision.pk)
    AuditEntry.objects.filter(pk=entry.pk).update(salt=None)
    report = verify()
    assert report.breaks == [f"qualification_decision {decision.pk} has lost the salt of its seal"]


@pytest.mark.django_db
def test_the_command_and_the_nightly_look(people: dict[str, User]) -> None:
    accepted(people)
    settle()
    out = io.StringIO()
    call_command("verify_chain", stdout=out)
    assert " breaks=0 head=" in out.getvalue()
    jobs.verify_chain()
    check = AuditCheck.objects.get()
    assert (check.breaks, check.first_break) == (0, "")
    assert check.rows > 20
    assert out.getvalue().strip().endswith(f"head={check.head_seq}:{check.head_hash}")
    with pytest.raises(SystemExit):
        call_command("verify_chain", "--head", f"{check.head_seq}:{'0' * 64}", stdout=out)
    assert "kept elsewhere" in out.getvalue()


@pytest.mark.django_db
def test_only_admins_see_it(people: dict[str, User], login: Callable[[User], Client]) -> None:
    jobs.verify_chain()
    for name in ("auditentry", "auditcheck"):
        path = f"/admin/qualification/{name}/"
        assert login(people["admin"]).get(path).status_code == 200
        assert login(people["admin"]).get(f"{path}add/").status_code == 403
        for role in set(Role.values) - {Role.ADMIN}:
            assert login(people[role]).get(path).status_code != 200


@pytest.mark.django_db
def test_every_column_is_vouched_for_or_left_out_by_name() -> None:
    models = {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}
    for chained in CHAINED:
        fields = models[chained.table]._meta.concrete_fields
        columns = {field.column for field in fields if not field.generated}
        known = [*chained.columns, *chained.sealed, *chained.left_out]
        assert len(known) == len(set(known))
        assert columns == set(known), chained.table


@pytest.mark.django_db
def test_the_triggers_of_the_database_are_those_of_the_list() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname, tgargs, tgenabled FROM pg_trigger"
            " WHERE tgfoid = 'leadqual_audit'::regproc"
        )
        rows = cursor.fetchall()
    assert {row[0] for row in rows} == set(BY_TABLE)
    for table, name, arguments, enabled in rows:
        told = tuple(bytes(arguments).decode().split("\0")[:-1])
        assert told == trigger_arguments(BY_TABLE[table])
        assert name.removeprefix("leadqual_audit_") in KINDS_OF_TRIGGERS
        assert enabled == "O"
    assert len(rows) == 3 * len(BY_TABLE)


@pytest.mark.django_db(transaction=True)
def test_many_at_once_leave_no_gap_and_no_fork(people: dict[str, User]) -> None:
    reasons = list(RejectionReason.objects.all()[:8])
    first = AuditEntry.objects.count()

    def change(row: RejectionReason) -> None:
        for place in range(10):
            with transaction.atomic():
                RejectionReason.objects.filter(pk=row.pk).update(position=100 + place)

    answers = queue_support.in_threads([lambda row=row: change(row) for row in reasons])
    assert answers == [None] * len(reasons)
    assert AuditEntry.objects.count() == first + 80
    assert verify().is_whole


@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_it_forks_or_fails(people: dict[str, User]) -> None:
    """The same writes with a function that does not wait for its turn."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('leadqual_audit_append'::regproc)")
        kept = cursor.fetchone()[0]
        hasty = kept.replace("pg_advisory_xact_lock(7301652018429)", "pg_sleep(0)")
        assert hasty != kept
        cursor.execute(hasty)
    one, two = RejectionReason.objects.all()[:2]

    def change(row: RejectionReason) -> None:
        with transaction.atomic():
            RejectionReason.objects.filter(pk=row.pk).update(position=200)
            settle()

    try:
        # Both read the same last entry, for the first one's is not there before its commit.
        answers = queue_support.in_turn(lambda: change(one), lambda: change(two))
    finally:
        with connection.cursor() as cursor:
            cursor.execute(kept)
    assert answers[0] is None
    assert isinstance(answers[1], Error)


@pytest.mark.django_db
def test_what_is_rolled_back_is_not_in_it(people: dict[str, User]) -> None:
    settle()
    before = AuditEntry.objects.count()
    mark = transaction.savepoint()
    RejectionReason.objects.update(position=7)
    transaction.savepoint_rollback(mark)
    settle()
    assert AuditEntry.objects.count() == before
