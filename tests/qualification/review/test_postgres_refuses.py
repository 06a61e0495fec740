"""PostgreSQL refuses by itself what the verbs refuse: raw SQL, no code of ours in between."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction

from crm.models import User
from qualification.choices import TouchKind, TouchResult
from qualification.models import ReviewItem, SLAEvent
from qualification.review.claims import claim_item
from qualification.review.touches import log_touch
from qualification.sla.sweep import record_due
from tests import factories
from tests.qualification import queue_support as rows

NOW = rows.NOW

# The table of the domain, written out once more on purpose.
ALLOWED = {
    "new": {"mql", "disqualified"},
    "mql": {"working", "new", "disqualified"},
    "working": {"mql", "sql", "nurture", "disqualified"},
    "nurture": {"mql", "disqualified"},
    "sql": {"opportunity", "mql", "lost"},
    "opportunity": {"won", "lost"},
    "disqualified": {"new", "mql"},
    "lost": {"mql"},
    "won": set(),
}
# How to get to each stage from a new lead.
WAYS = {
    "new": [],
    "mql": ["mql"],
    "working": ["mql", "working"],
    "nurture": ["mql", "working", "nurture"],
    "sql": ["mql", "working", "sql"],
    "opportunity": ["mql", "working", "sql", "opportunity"],
    "won": ["mql", "working", "sql", "opportunity", "won"],
    "lost": ["mql", "working", "sql", "lost"],
    "disqualified": ["disqualified"],
}


def run(sql: str, *values: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def move(lead_id: int, stage: str) -> None:
    by_whom = "person" if stage == "disqualified" else ""
    run(
        "UPDATE crm_lead SET stage = %s, disqualified_by = %s WHERE id = %s",
        stage,
        by_whom,
        lead_id,
    )


@pytest.mark.django_db
@pytest.mark.parametrize("start", list(ALLOWED))
@pytest.mark.parametrize("end", list(ALLOWED))
def test_every_move_of_a_stage(start: str, end: str) -> None:
    lead = factories.LeadFactory()
    for step in WAYS[start]:
        move(lead.pk, step)
    if end in ALLOWED[start] or end == start:
        move(lead.pk, end)
    else:
        with pytest.raises(DatabaseError):
            move(lead.pk, end)


@pytest.mark.django_db
@pytest.mark.parametrize("stage", sorted(set(ALLOWED) - {"new", "won", "lost"}))
def test_a_lead_is_not_born_in_the_middle(stage: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        factories.LeadFactory(stage=stage, disqualified_by="")


def second_open_item(item: ReviewItem, by: User) -> None:
    run(
        "INSERT INTO qualification_reviewitem (lead_id, team_id, state, entry_reason, entered_at,"
        " bucket, tier_rank, score_tenths, due_at, hold_reason, next_task, token, close_reason)"
        " SELECT lead_id, team_id, 'waiting', 'threshold', now(), 1, 1, 1, now(), '', '', 1, ''"
        " FROM qualification_reviewitem WHERE id = %s",
        item.pk,
    )


def set_item(change: str) -> Callable[[ReviewItem, User], None]:
    def update(item: ReviewItem, by: User) -> None:
        run(
            f"UPDATE qualification_reviewitem SET {change} WHERE id = %(item)s".replace(
                "%(item)s", str(item.pk)
            ).replace("%(by)s", str(by.pk))
        )

    update.__name__ = change
    return update


def second_clock(item: ReviewItem, by: User) -> None:
    run(
        "INSERT INTO qualification_slatimer"
        " (lead_id, item_id, kind, state, started_at, warn_at, due_at, urgent_until,"
        "  calendar_version_id)"
        " SELECT lead_id, item_id, kind, 'running', now(), now(), now(), now(), calendar_version_id"
        " FROM qualification_slatimer WHERE item_id = %s",
        item.pk,
    )


def stopped_without_a_time(item: ReviewItem, by: User) -> None:
    run("UPDATE qualification_slatimer SET state = 'stopped' WHERE item_id = %s", item.pk)


def unhappen(table: str) -> Callable[[ReviewItem, User], None]:
    def delete(item: ReviewItem, by: User) -> None:
        run(f"DELETE FROM {table}")

    delete.__name__ = f"delete {table}"
    return delete


def second_breach(item: ReviewItem, by: User) -> None:
    run(
        "INSERT INTO qualification_slaevent (timer_id, level, at, recorded_at)"
        " SELECT timer_id, level, at, now() FROM qualification_slaevent"
    )


def other_breach_time(item: ReviewItem, by: User) -> None:
    run("UPDATE qualification_slaevent SET at = now()")


def rejected_without_reason(item: ReviewItem, by: User) -> None:
    run(
        "INSERT INTO qualification_decision (item_id, lead_id, kind, note, override_reason, by_id,"
        " at, total_tenths, grade, fired, frozen)"
        " VALUES (%s, %s, 'reject', '', '', %s, now(), 0, '', '{}', '{}')",
        item.pk,
        item.lead_id,
        by.pk,
    )


def accepted(ae: str, **changes: str) -> Callable[[ReviewItem, User], None]:
    """An accept written past its door; nothing required is answered."""

    def insert(item: ReviewItem, by: User) -> None:
        for name, value in changes.items():
            run(f"UPDATE qualification_reviewitem SET {name} = {value} WHERE id = %s", item.pk)
        run(
            "INSERT INTO qualification_decision (item_id, lead_id, kind, note, override_reason,"
            " by_id, ae_id, at, total_tenths, grade, fired, frozen)"
            f" VALUES (%s, %s, 'accept', '', '', %s, {ae}, now(), 0, '', '{{}}', '{{}}')",
            item.pk,
            item.lead_id,
            by.pk,
        )

    insert.__name__ = f"accepted for {ae} {changes}"
    return insert


BANT = {"framework_id": "(SELECT id FROM qualification_framework WHERE key = 'bant')"}
SOMEBODY = "(SELECT min(id) FROM crm_user)"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "attempt",
    [
        accepted("NULL", **BANT),
        accepted(SOMEBODY),
        accepted(SOMEBODY, **BANT),
        second_open_item,
        set_item("state = 'claimed'"),
        set_item("state = 'owned', holder_id = %(by)s"),
        set_item("holder_id = %(by)s"),
        set_item("state = 'claimed', holder_id = %(by)s"),
        set_item("state = 'closed'"),
        set_item("state = 'closed', closed_at = now()"),
        set_item("close_reason = 'decided'"),
        set_item("state = 'elsewhere'"),
        second_clock,
        stopped_without_a_time,
        second_breach,
        other_breach_time,
        rejected_without_reason,
        unhappen("qualification_slaevent"),
        unhappen("qualification_itemevent"),
        unhappen("qualification_touch"),
        unhappen("crm_stageevent"),
    ],
    ids=lambda attempt: attempt.__name__,
)
def test_a_state_that_cannot_be(
    people: dict[str, User], attempt: Callable[[ReviewItem, User], None]
) -> None:
    sdr = people["sdr"]
    touched = claim_item(item=rows.waiting_item(), by=sdr, now=NOW)
    log_touch(item=touched, by=sdr, kind=TouchKind.CALL, result=TouchResult.SPOKE, now=NOW)
    item = rows.waiting_item(tier="hot")
    record_due(now=NOW + dt.timedelta(minutes=20))
    assert SLAEvent.objects.count() == 2
    with pytest.raises(DatabaseError):
        attempt(item, sdr)
