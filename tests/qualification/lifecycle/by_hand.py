"""Rows that must never be, written by hand: statements past every door of the app.

Each is tried on whatever rows there are; PostgreSQL refuses as soon as there is one to break.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import DatabaseError, connection, models, transaction

from qualification.models import (
    CalendarVersion,
    Decision,
    Handoff,
    NurturePlan,
    ReviewItem,
    SLATimer,
)


def copied(model: type[models.Model], where: str, **changed: str) -> str:
    """Inserts a row like one that is there, but for what is changed."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns = [field.column for field in fields if not field.generated]
    values = [changed.get(column, column) for column in columns]
    table = model._meta.db_table
    return (
        f"INSERT INTO {table} ({', '.join(columns)})"
        f" SELECT {', '.join(values)} FROM {table} WHERE {where} ORDER BY id LIMIT 1"
    )


@dataclass(frozen=True)
class Breach:
    """A statement, the table it writes, and what refuses it: a constraint, an index or, for a
    trigger, part of what it says."""

    table: str
    refused_by: str
    sql: str


def changed(table: str, refused_by: str, values: str, where: str) -> Breach:
    row = f"(SELECT id FROM {table} WHERE {where} ORDER BY id LIMIT 1)"
    return Breach(table, refused_by, f"UPDATE {table} SET {values} WHERE id = {row}")


def opening(week: str, days: str = "{}") -> Breach:
    """A version of a calendar with these openings."""
    said = {"version": "1000", "week": f"'{week}'::jsonb", "days": f"'{days}'::jsonb"}
    return Breach(HOURS, f"{HOURS}_hours_apart", copied(CalendarVersion, "true", **said))


HOURS = "qualification_calendarversion"
ITEM, DECISION = "qualification_reviewitem", "qualification_decision"
PLAN, TIMER, HANDOFF = (
    "qualification_nurtureplan",
    "qualification_slatimer",
    "qualification_handoff",
)
FITS = f"{ITEM}_holder_fits_state"
NO_WAKE = "wake_on = NULL, wake_activity = '', wake_score_tenths = NULL, contract_wake_on = NULL"

BREACHES: dict[str, Breach] = {
    "a second open item": Breach(ITEM, f"{ITEM}_one_open", copied(ReviewItem, "state <> 'closed'")),
    "claimed by nobody": changed(ITEM, FITS, "state = 'claimed'", "state = 'waiting'"),
    "waiting in somebody's hands": changed(
        ITEM, FITS, "holder_id = (SELECT min(id) FROM crm_user)", "state = 'waiting'"
    ),
    "owned without a moment": changed(ITEM, FITS, "owned_at = NULL", "state = 'owned'"),
    "closed without a reason": changed(
        ITEM,
        f"{ITEM}_closed_has_reason",
        "state = 'closed', closed_at = now(), close_reason = ''",
        "state = 'waiting'",
    ),
    "a rejection without a reason": Breach(
        DECISION,
        f"{DECISION}_complete",
        copied(Decision, "kind = 'reject'", reason_id="NULL"),
    ),
    "an acceptance for nobody": Breach(
        DECISION, f"{DECISION}_complete", copied(Decision, "kind = 'reject'", kind="'accept'")
    ),
    "another word for a decision": changed(DECISION, "Cannot update", "note = 'x'", "true"),
    "a decision that is gone": Breach(
        DECISION, "Cannot update or delete", f"DELETE FROM {DECISION} WHERE kind = 'reject'"
    ),
    "asleep for ever": changed(PLAN, f"{PLAN}_can_wake", NO_WAKE, "state = 'waiting'"),
    "a second plan": Breach(PLAN, f"{PLAN}_one_waiting", copied(NurturePlan, "state = 'waiting'")),
    "a latest day before the first": changed(
        PLAN, f"{PLAN}_latest_is_last", "latest_on = wake_on - 1", "wake_on IS NOT NULL"
    ),
    "a second clock that runs": Breach(
        TIMER, f"{TIMER}_one_running", copied(SLATimer, "state = 'running'")
    ),
    "a clock stopped at no moment": changed(
        TIMER, f"{TIMER}_stopped_when", "state = 'stopped', next_at = NULL", "state = 'running'"
    ),
    "a clock paused at no moment": changed(
        TIMER, f"{TIMER}_paused_when", "state = 'paused'", "state = 'running'"
    ),
    "a second waiting handoff": Breach(
        HANDOFF, f"{HANDOFF}_one_open", copied(Handoff, "state = 'waiting'")
    ),
    "given back without a word": changed(
        HANDOFF,
        f"{HANDOFF}_return_has_reason",
        "state = 'returned', return_reason = ''",
        "state = 'waiting'",
    ),
    "another packet": changed(HANDOFF, "Cannot update", "packet = '{}'", "packet <> '{}'"),
    "open twice at once": opening('{"mon": [["09:00", "12:30"], ["12:00", "18:00"]]}'),
    "the same opening twice": opening('{"mon": [["09:00", "12:00"], ["09:00", "12:00"]]}'),
    "one opening within another": opening('{"mon": [["09:00", "18:00"], ["12:00", "13:00"]]}'),
    "a night into the opening of the next day": opening(
        '{"tue": [["22:00", "06:00"]], "wed": [["05:59", "12:00"]]}'
    ),
    "a night of Sunday into Monday": opening(
        '{"mon": [["05:00", "12:00"]], "sun": [["22:00", "06:00"]]}'
    ),
    "a night into the next one": opening(
        '{"fri": [["20:00", "19:00"]], "sat": [["18:59", "18:58"]]}'
    ),
    "an opening from midnight at the end of a day": opening('{"mon": [["24:00", "06:00"]]}'),
    "an opening of no minute": opening('{"mon": [["09:00", "09:00"]]}'),
    "a day that has 25 hours": opening('{"mon": [["09:00", "25:00"]]}'),
    "an opening without an end": opening('{"mon": [["09:00"]]}'),
    "an opening on no day of the week": opening('{"mon": [["09:00", "12:00"]], "day": []}'),
    "never open": opening('{"mon": []}'),
    "never open but on one date": opening("{}", '{"2026-12-24": [["09:00", "12:00"]]}'),
    "one date open twice at once": opening(
        '{"mon": [["09:00", "12:00"]]}',
        '{"2026-12-24": [["09:00", "12:00"], ["22:00", "10:00"], ["23:00", "24:00"]]}',
    ),
    "another history": changed("crm_stageevent", "Cannot update", "reason = 'x'", "true"),
    "a history that is gone": Breach(
        "crm_stageevent", "Cannot update or delete", "DELETE FROM crm_stageevent"
    ),
}


def written(breach: Breach) -> tuple[int, DatabaseError | None]:
    """How many rows it wrote, or why it was refused. A refusal leaves everything as it was."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(breach.sql)
            return cursor.rowcount, None
    except DatabaseError as refused:
        return 0, refused


def names_what_refused(breach: Breach, refused: DatabaseError) -> bool:
    return breach.refused_by in str(refused)
