"""The journey of a lead: what they did and what we did, newest first, one query a page.

Called by the lead page. Pages go on by a keyset cursor, so a growing history never shifts them.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from crm.models import Lead, Outcome
from crm.stages import Stage
from qualification.choices import (
    AnswerState,
    DecisionKind,
    DisputeKind,
    TouchKind,
    TouchResult,
)

PAGE_SIZE = 20
# In the order of one instant: a decision stands above the stage it moved the lead to.
KINDS = ("activity", "stage", "item", "touch", "answer", "dispute", "decision", "outcome")
FILTERS = {
    "events": ("activity",),
    "work": ("stage", "item", "touch", "dispute", "decision", "outcome"),
    "answers": ("answer",),
}
WORDS_SHOWN = 160


@dataclass(frozen=True)
class Entry:
    """One line of the journey in words; `dot` and `icon` are how it looks."""

    kind: str
    at: dt.datetime
    pk: int
    text: str
    detail: str
    icon: str
    dot: str = ""


@dataclass(frozen=True)
class Day:
    """The entries of one date in the reader's time zone."""

    on: dt.date
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Journey:
    """One page of entries by day; `older` is the cursor of the next page, blank at the end."""

    days: tuple[Day, ...]
    older: str
    only: str = ""


class Row(NamedTuple):
    """A line as PostgreSQL gives it: eight sources in the same columns."""

    rank: int
    pk: int
    at: dt.datetime
    verb: str
    subject: str
    words: str
    by_id: int | None
    by_name: str

    @property
    def kind(self) -> str:
        """One of KINDS."""
        return KINDS[self.rank]


# Each source looks at one lead through an index of its own; a stage move that an item event or
# a decision of the same moment tells already is left out.
JOURNEY = """
    WITH journey AS (
        SELECT 0 AS rank, a.id, a.occurred_at AS at, a.type::text AS verb,
               CASE WHEN (SELECT v.is_machine FROM crm_activityverdict AS v
                          WHERE v.activity_id = a.id AND v.recorded_at <= %(known)s
                          ORDER BY v.recorded_at DESC, v.id DESC LIMIT 1)
                    THEN 'machine' ELSE '' END AS subject,
               a.properties::text AS words, NULL::bigint AS by_id
        FROM crm_activity AS a WHERE a.lead_id = %(lead)s AND a.recorded_at <= %(known)s
        UNION ALL
        SELECT 1, e.id, e.at, e.to_stage, e.from_stage, e.reason, e.by_id
        FROM crm_stageevent AS e WHERE e.lead_id = %(lead)s AND NOT EXISTS (
            SELECT FROM qualification_itemevent AS o
            JOIN qualification_reviewitem AS q ON q.id = o.item_id
            WHERE q.lead_id = e.lead_id AND o.at = e.at)
        UNION ALL
        SELECT 2, i.id, i.at, i.verb, '', i.note, i.by_id
        FROM qualification_itemevent AS i
        JOIN qualification_reviewitem AS r ON r.id = i.item_id
        WHERE r.lead_id = %(lead)s AND i.verb <> 'item:touched' AND NOT (
            i.verb = 'item:closed' AND EXISTS (
                SELECT FROM qualification_decision AS p WHERE p.item_id = r.id AND p.at = i.at))
        UNION ALL
        SELECT 3, t.id, t.at, t.kind, t.result, t.note, t.by_id
        FROM qualification_touch AS t WHERE t.lead_id = %(lead)s
        UNION ALL
        SELECT 4, c.id, c.recorded_at, c.state, k.label, c.value::text, c.by_id
        FROM qualification_checklistanswer AS c
        JOIN qualification_criterion AS k ON k.id = c.criterion_id WHERE c.lead_id = %(lead)s
        UNION ALL
        SELECT 5, d.id, d.at, d.kind, s.name,
               concat_ws(', ', nullif(d.note, ''),
                         CASE WHEN d.withdrawn_at <= %(known)s THEN 'withdrawn' END), d.by_id
        FROM qualification_scoredispute AS d
        JOIN qualification_scoringrule AS s ON s.id = d.rule_id WHERE d.lead_id = %(lead)s
        UNION ALL
        SELECT 6, n.id, n.at, n.kind,
               coalesce(w.label, nullif(concat_ws(' ', ae.first_name, ae.last_name), ''), ''),
               n.note, n.by_id
        FROM qualification_decision AS n
        LEFT JOIN qualification_rejectionreason AS w ON w.id = n.reason_id
        LEFT JOIN crm_user AS ae ON ae.id = n.ae_id WHERE n.lead_id = %(lead)s
        UNION ALL
        SELECT 7, r.id, coalesce(r.occurred_at, r.recorded_at), r.value,
               coalesce(r.months::text, ''), concat_ws(', ', coalesce(nullif(f.label, ''), f.name),
               nullif(r.effect, '')), NULL
        FROM crm_outcome AS r JOIN crm_source AS f ON f.id = r.source_id
        WHERE r.lead_id = %(lead)s
    )
    SELECT j.rank, j.id, j.at, j.verb, j.subject, coalesce(j.words, ''), j.by_id,
           coalesce(nullif(concat_ws(' ', u.first_name, u.last_name), ''), u.username, '')
    FROM journey AS j LEFT JOIN crm_user AS u ON u.id = j.by_id
    WHERE j.rank = ANY(%(ranks)s)
      AND (%(at)s::timestamptz IS NULL OR (j.at, j.rank, j.id) < (%(at)s, %(rank)s, %(id)s))
    ORDER BY j.at DESC, j.rank DESC, j.id DESC
    LIMIT %(limit)s
"""


def journey_of(
    lead: Lead, *, reader_id: int | None = None, before: str = "", only: str = ""
) -> Journey:
    """A page of the journey; `before` is the cursor of an earlier page, `only` a key of FILTERS.

    What `reader_id` did reads “You …”. A cursor that cannot be read starts at the newest.
    """
    kinds = FILTERS.get(only, KINDS)
    found = _rows(lead.pk, kinds=kinds, before=_read_cursor(before), limit=PAGE_SIZE + 1)
    page = found[:PAGE_SIZE]
    return Journey(
        days=_by_day([_entry(row, reader_id) for row in page]),
        older=_cursor_after(page[-1]) if len(found) > PAGE_SIZE else "",
        only=only if only in FILTERS else "",
    )


def journey_until(
    lead_id: int,
    *,
    at: dt.datetime,
    kinds: Iterable[str],
    tell: Callable[[Row], Row | None],
    limit: int,
) -> tuple[Day, ...]:
    """The last `limit` entries before `at` of these kinds, as far as they were recorded by then.

    `tell` says what of a row may be known; None leaves it out.
    """
    found = _rows(lead_id, kinds=kinds, before=(at, 0, 0), limit=limit, known=at)
    told = [row for row in map(tell, found) if row is not None]
    return _by_day([_entry(row, None) for row in told])


def _rows(
    lead_id: int,
    *,
    kinds: Iterable[str],
    before: tuple[dt.datetime | None, int, int],
    limit: int,
    known: dt.datetime | None = None,
) -> list[Row]:
    at, rank, last_id = before
    parameters: dict[str, Any] = {
        "lead": lead_id,
        "ranks": [KINDS.index(kind) for kind in kinds],
        "at": at,
        "rank": rank,
        "id": last_id,
        "limit": limit,
        "known": known or "infinity",
    }
    with connection.cursor() as cursor:
        cursor.execute(JOURNEY, parameters)
        return [Row(*row) for row in cursor.fetchall()]


def _by_day(entries: list[Entry]) -> tuple[Day, ...]:
    grouped = groupby(entries, key=lambda entry: timezone.localtime(entry.at).date())
    return tuple(Day(on=day, entries=tuple(group)) for day, group in grouped)


def _cursor_after(row: Row) -> str:
    return f"{row.at.isoformat()}~{row.rank}~{row.pk}"


def _read_cursor(text: str) -> tuple[dt.datetime | None, int, int]:
    parts = text.split("~")
    try:
        at = parse_datetime(parts[0])
        rank, pk = int(parts[1]), int(parts[2])
    except (ValueError, IndexError):
        return None, 0, 0
    return (at, rank, pk) if at and at.tzinfo else (None, 0, 0)


# --- words ----------------------------------------------------------------------------------------

ACTIVITY_ICONS = (
    ("mail", "mail"),
    ("email", "mail"),
    ("call", "phone"),
    ("webinar", "calendar"),
    ("event", "calendar"),
    ("page", "eye"),
    ("visit", "eye"),
    ("download", "file-text"),
    ("chat", "message-square"),
)
TOUCH_ICONS = {
    TouchKind.CALL: "phone",
    TouchKind.MAIL: "mail",
    TouchKind.SOCIAL: "message-square",
    TouchKind.MEETING: "calendar",
    TouchKind.REPLY: "reply",
}
DECISIONS = {
    DecisionKind.ACCEPT: ("check", "ok", _("accepted the lead for %(subject)s")),
    DecisionKind.REJECT: ("x", "warn", _("rejected the lead: %(subject)s")),
    DecisionKind.NURTURE: ("sprout", "", _("moved the lead to nurture")),
    DecisionKind.REVERSED: ("undo-2", "", _("undid the decision")),
    DecisionKind.OVERTURNED: ("undo-2", "warn", _("overturned the rejection")),
}
ITEM_VERBS = {
    "item:entered": ("inbox", _("Entered the queue")),
    "item:assigned": ("user-check", _("Chosen by routing")),
    "item:claimed": ("hand", _("claimed the lead")),
    "item:owned": ("user-check", _("became the owner with the first contact")),
    "item:released": ("hand", _("released the lead")),
    "item:skipped": ("hand", _("skipped the lead")),
    "item:lapsed": ("timer-off", _("The claim ran out")),
    "item:reassigned": ("user-check", _("handed the lead to a colleague")),
    "item:taken_back": ("timer-off", _("Taken back: nobody answered in time")),
    "clock:paused": ("pause", _("paused the clock")),
    "clock:resumed": ("play", _("The clock goes on")),
    "item:snoozed": ("alarm-clock", _("put the next task off")),
    "item:closed": ("archive", _("Left the queue")),
    "item:held": ("triangle-alert", _("Nobody can work it")),
    "item:held_till_open": ("clock", _("Nobody is at work: it waits for the opening")),
    "item:override-asked": ("message-square", _("asked a manager to accept with open answers")),
    "plan:changed": ("sprout", _("changed when the lead wakes")),
    "cadence:started": ("list-checks", _("started a cadence")),
    "cadence:stopped": ("list-checks", _("stopped the cadence")),
    "facts:changed": ("pencil", _("changed facts")),
    "framework:switched": ("list-checks", _("switched the checklist")),
    "handoff:taken": ("handshake", _("took the handoff")),
    "handoff:moved": ("user-check", _("gave the handoff to another AE")),
    "handoff:settled": ("handshake", _("Taken: the deal shows it")),
    "handoff:returned": ("undo-2", _("gave the lead back")),
}


def _entry(row: Row, reader_id: int | None) -> Entry:
    kind = row.kind
    who = _("You") if row.by_id and row.by_id == reader_id else row.by_name
    text, detail, icon, dot = WRITERS[kind](row, str(who))
    return Entry(
        kind=kind,
        at=row.at,
        pk=row.pk,
        text=str(text),
        detail=_short(str(detail)),
        icon=icon,
        dot=dot,
    )


def _short(words: str) -> str:
    return words if len(words) <= WORDS_SHOWN else f"{words[: WORDS_SHOWN - 1]}…"


def _told(who: str, act: str) -> str:
    """“You claimed …”, or the act alone when nobody did it."""
    return f"{who} {act}" if who else f"{act[:1].upper()}{act[1:]}"


def _activity(row: Row, _who: str) -> tuple[str, str, str, str]:
    name = row.verb.replace("_", " ").replace(".", " ").replace(":", " ")
    icon = next((icon for part, icon in ACTIVITY_ICONS if part in row.verb), "mouse-pointer-click")
    detail = _properties(row.words)
    if row.subject == "machine":
        detail = _("A machine did this; it does not count") + (f" · {detail}" if detail else "")
        return name.capitalize(), detail, "bot", ""
    return name.capitalize(), detail, icon, "intent"


def _properties(words: str) -> str:
    found: dict[str, Any] = json.loads(words or "{}")
    return ", ".join(
        f"{key.replace('_', ' ')}: {value}"
        for key, value in found.items()
        if isinstance(value, str | int | float) and value != ""
    )


def _stage(row: Row, who: str) -> tuple[str, str, str, str]:
    names = dict(Stage.choices)
    text = _("Stage: %(before)s → %(after)s") % {
        "before": names.get(row.subject, row.subject),
        "after": names.get(row.verb, row.verb),
    }
    detail = ", ".join(part for part in (row.words, who) if part)
    return text, detail, "git-commit-horizontal", ""


def _item(row: Row, who: str) -> tuple[str, str, str, str]:
    told = row.verb.rpartition(":")[2].replace("-", " ").capitalize()
    icon, words = ITEM_VERBS.get(row.verb, ("dot", told))
    act = str(words)
    is_passive = act[:1].isupper()
    return (act if is_passive else _told(who, act)), row.words, icon, ""


def _touch(row: Row, who: str) -> tuple[str, str, str, str]:
    kind, result = TouchKind(row.verb), TouchResult(row.subject)
    act = _("logged: %(kind)s, %(result)s") % {
        "kind": kind.label.lower(),
        "result": result.label.lower(),
    }
    dot = "ok" if result == TouchResult.SPOKE else ""
    return _told(who, act), row.words, TOUCH_ICONS[kind], dot


def _answer(row: Row, who: str) -> tuple[str, str, str, str]:
    state = AnswerState(row.verb)
    text = _("Answer %(state)s: %(criterion)s") % {
        "state": state.label.lower(),
        "criterion": row.subject,
    }
    value = json.loads(row.words) if row.words else None
    said = {True: _("Yes"), False: _("No")}[value] if isinstance(value, bool) else value
    icon = {AnswerState.CONTRADICTED: "circle-x", AnswerState.UNKNOWN: "circle-dashed"}
    dot = "ok" if state == AnswerState.CONFIRMED else ""
    detail = " · ".join(str(part) for part in (said, who) if part not in (None, ""))
    return text, detail, icon.get(state, "circle-check"), dot


def _dispute(row: Row, who: str) -> tuple[str, str, str, str]:
    act = _("flagged “%(line)s” as %(kind)s") % {
        "line": row.subject,
        "kind": DisputeKind(row.verb).label.lower(),
    }
    return _told(who, act), row.words, "flag", "warn"


def _decision(row: Row, who: str) -> tuple[str, str, str, str]:
    icon, dot, act = DECISIONS[DecisionKind(row.verb)]
    return _told(who, str(act) % {"subject": row.subject}), row.words, icon, dot


def _outcome(row: Row, _who: str) -> tuple[str, str, str, str]:
    words = dict(Outcome.Value.choices)[row.verb]
    text = _("Outcome: %(what)s") % {"what": words}
    if row.subject:
        text = _("Outcome: %(what)s after %(n)s months") % {"what": words, "n": row.subject}
    dots = {str(Outcome.Value.LOST): "warn", str(Outcome.Value.OPPORTUNITY): ""}
    return text, row.words, "trending-up", dots.get(row.verb, "ok")


WRITERS = {
    "activity": _activity,
    "stage": _stage,
    "item": _item,
    "touch": _touch,
    "answer": _answer,
    "dispute": _dispute,
    "decision": _decision,
    "outcome": _outcome,
}
