"""One person whose every value carries a canary, walked through everything LeadQual does, and the
search of the whole database for it."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any
from uuid import uuid4

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from crm.intake.inbox import store_message
from crm.models import Erasure, ErasureReason, InboxMessage, Lead, Source, User
from qualification import pipeline
from qualification.choices import EntryReason, SkipReason, TouchKind, TouchResult
from qualification.connectors.base import ToldOutcome
from qualification.feedback.disputes import dispute_line
from qualification.handoff.answers import return_handoff
from qualification.handoff.moves import move_handoff
from qualification.models import Decision, ReviewItem, ScoringRule
from qualification.outcomes.record import record_outcome
from qualification.personal.erase import erase_person
from qualification.personal.requests import ask_erasure
from qualification.review import bulk, bulk_undo
from qualification.review.buying import say_role
from qualification.review.claims import claim_item
from qualification.review.decisions import accept_lead, reject_lead
from qualification.review.facts import edit_facts
from qualification.review.help_wanted import ask_manager
from qualification.review.pauses import pause_clock, resume_clock
from qualification.review.queue import enter_queue
from qualification.review.skips import skip_item
from qualification.review.touches import log_touch, snooze_item
from tests import factories
from tests.qualification.decision_support import (
    MINUTE,
    NOW,
    active_model,
    answer,
    answer_required,
    reason,
)

NAME, MAIL, PHONE = "Zyxanna Qwortzel", "zyxanna@kanarienvogel.example", "+4915150187331"
# What must be nowhere; every text somebody typed about the person has the last one in it.
CANARIES = ("zyxanna", "qwortzel", "kanarienvogel", "15150187331", "kanari")


def message(source: Source, *, event: str, now: dt.datetime, **said: Any) -> InboxMessage:
    """A signed message of this person, taken to its end."""
    body = json.dumps(
        {
            "event_id": f"kanari-{event}",
            "email": MAIL,
            "name": NAME,
            "phone": PHONE,
            "title": "VP of kanari freight",
            "department": "kanari",
            "seniority": "kanari",
            "city": "Kanariburg",
            "country": "DE",
            "company": "Kanarienvogel AG",
            "website": "https://kanarienvogel.example",
            "topic": "kanari pricing",
            "message": "kanari: call me",
            "attributes": {"hobby": "kanari"},
            "properties": {"page": "/kanari"},
            "answers": {"goals": "kanari goals"},
            "external_id": "kanari-7",
            **said,
        }
    ).encode()
    stored, _ = store_message(
        source=source, event_key=f"id:kanari-{event}", body=body, content_type="", now=now
    )
    return pipeline.process(stored.pk, now=now)


def walk(people: dict[str, User]) -> Lead:
    """The person asks twice, is worked, returned, accepted, moved and told about."""
    sdr, ae, manager = people["sdr"], people["ae"], people["manager"]
    model = active_model(condition={"subject": "lead.title", "op": "contains", "value": "vp"})
    chat = factories.SourceFactory(name="chat", team=sdr.team)
    lead = message(chat, event="1", now=NOW - 9 * MINUTE).lead
    assert lead is not None
    message(chat, event="2", now=NOW - 8 * MINUTE, type="page_view")
    broken, _ = store_message(
        source=chat,
        event_key="id:kanari-3",
        body=f'{{"email": "{MAIL}", "type": "Not A Type"}}'.encode(),
        content_type="",
        now=NOW - 7 * MINUTE,
    )
    assert pipeline.process(broken.pk, now=NOW - 7 * MINUTE).state == "quarantined"
    enter_queue([lead.pk], reason=EntryReason.EXPLORATION, now=NOW)
    item = open_item(lead)
    claim_item(item=item, by=manager, now=NOW + MINUTE)
    skip_item(
        item=open_item(lead),
        by=manager,
        reason=SkipReason.OTHER,
        note="kanari is my cousin",
        now=NOW + MINUTE,
    )
    claim_item(item=open_item(lead), by=sdr, now=NOW + MINUTE)
    pause_clock(
        item=open_item(lead),
        by=sdr,
        reason="kanari on leave",
        until=NOW + 60 * MINUTE,
        now=NOW + MINUTE,
    )
    resume_clock(item=open_item(lead), by=sdr, now=NOW + 2 * MINUTE)
    log_touch(
        item=open_item(lead),
        by=sdr,
        kind=TouchKind.CALL,
        result=TouchResult.SPOKE,
        note="kanari spoke",
        now=NOW + 3 * MINUTE,
    )
    answer_required(lead, sdr)
    answer(lead, "goals", sdr, value="kanari", source="kanari mail", now=NOW + 3 * MINUTE)
    answer(
        lead,
        "trigger",
        sdr,
        value="kanari",
        evidence_url="https://kanarienvogel.example/x",
        now=NOW + 3 * MINUTE,
    )
    edit_facts(lead=lead, texts={"city": "Neu-Kanari"}, by=sdr, now=NOW + 3 * MINUTE)
    say_role(
        item=open_item(lead),
        role="decision_maker",
        source="kanari call",
        confidence=80,
        by=sdr,
        now=NOW + 3 * MINUTE,
    )
    rule = ScoringRule.objects.get(model=model)
    dispute_line(
        lead=lead, rule=rule, kind="stale", note="kanari left", by=sdr, now=NOW + 3 * MINUTE
    )
    ask_manager(item=open_item(lead), by=sdr, note="kanari is special", now=NOW + 3 * MINUTE)
    snooze_item(
        item=open_item(lead),
        by=sdr,
        until=NOW + 40 * MINUTE,
        task="Call kanari",
        now=NOW + 3 * MINUTE,
    )
    # Keeps the task it found, and plans another one.
    log_touch(
        item=open_item(lead),
        by=sdr,
        kind=TouchKind.MAIL,
        result=TouchResult.SENT,
        next_task="Mail kanari",
        next_task_at=NOW + 50 * MINUTE,
        now=NOW + 3 * MINUTE,
    )
    handed_about(lead, to=factories.person("sdr", sdr.team), by=manager, now=NOW + 3 * MINUTE)
    first = accept(lead, by=sdr, ae=ae, now=NOW + 4 * MINUTE)
    return_handoff(
        handoff=first.handoff, by=ae, reason="kanari never answers", now=NOW + 6 * MINUTE
    )
    claim_item(item=open_item(lead), by=sdr, now=NOW + 7 * MINUTE)
    second = accept(lead, by=sdr, ae=ae, now=NOW + 8 * MINUTE)
    other = factories.person("ae", ae.team)
    move_handoff(
        handoff=second.handoff,
        to=other,
        by=manager,
        reason="kanari speaks Danish",
        now=NOW + 9 * MINUTE,
    )
    told = ToldOutcome("deal-1", "opportunity", NOW, f"lead:{lead.pk}")
    record_outcome(told=told, source=chat, now=NOW + 10 * MINUTE)
    LogEntry.objects.create(
        user=people["admin"],
        content_type=ContentType.objects.get_for_model(Lead),
        object_id=str(lead.pk),
        object_repr=NAME,
        action_flag=CHANGE,
        change_message="kanari",
    )
    lead.refresh_from_db()
    return lead


def handed_about(lead: Lead, *, to: User, by: User, now: dt.datetime) -> None:
    """A manager gives it to somebody else among others, and takes that back."""
    key, token = uuid4(), open_item(lead).token
    bulk.assign_leads({lead.pk: token}, to=to, by=by, key=key, now=now)
    bulk_undo.undo_bulk(steps=bulk_undo.steps_of(key, by=by), by=by, now=now)


def accept(lead: Lead, *, by: User, ae: User, now: dt.datetime) -> Decision:
    """With words of the person in everything that is kept."""
    item = open_item(lead)
    return accept_lead(
        item=item,
        token=item.token,
        by=by,
        to=ae,
        note="kanari wants it",
        opening="Dear Zyxanna",
        now=now,
    )


def reject(lead: Lead, *, by: User, now: dt.datetime) -> Decision:
    """The person is rejected by whoever holds the lead."""
    item = open_item(lead)
    return reject_lead(
        item=item, token=item.token, by=by, reason=reason("too_small"), note="kanari", now=now
    )


def open_item(lead: Lead) -> ReviewItem:
    return ReviewItem.objects.open().get(lead=lead)


def erased(lead: Lead, people: dict[str, User], *, now: dt.datetime, **asked: Any) -> Erasure:
    """Asked for by the manager and carried out by the admin."""
    request = asked_for(lead, people, now=now, **asked)
    lead.refresh_from_db()
    return erase_person(erasure=request, confirmed=lead.name, by=people["admin"], now=now)


def asked_for(lead: Lead, people: dict[str, User], *, now: dt.datetime, **asked: Any) -> Erasure:
    """A request that waits."""
    wishes = {"reference": "T-4711", "reason": ErasureReason.ASKED, "is_no_contact": False} | asked
    return ask_erasure(lead=lead, by=people["manager"], now=now, **wishes)


def found(canaries: tuple[str, ...] = CANARIES) -> list[str]:
    """Every column of every table in which one of them stands, as `table.column`."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns AS c
            JOIN information_schema.tables AS t USING (table_schema, table_name)
            WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' ORDER BY 1, 2
            """
        )
        columns = cursor.fetchall()
        where = []
        for table, column, type_ in columns:
            text = f"encode(\"{column}\", 'escape')" if type_ == "bytea" else f'"{column}"::text'
            cursor.execute(
                f'SELECT EXISTS (SELECT FROM "{table}" WHERE {text} ILIKE ANY (%s))',
                [[f"%{canary}%" for canary in canaries]],
            )
            if cursor.fetchone()[0]:
                where.append(f"{table}.{column}")
    return where
