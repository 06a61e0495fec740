"""The words of the journey: each row of it as one line for the page.

Called by `timeline.py`.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from crm.models import Outcome
from crm.stages import Stage
from qualification.choices import (
    AnswerState,
    DecisionKind,
    DisputeKind,
    MoveCause,
    TouchKind,
    TouchResult,
)
from qualification.review.journey_sources import Row
from qualification.templatetags.figures import unsigned_tenths

WORDS_SHOWN = 160
# How the subject of a touch ends that was taken back.
UNDONE = " undone"


@dataclass(frozen=True)
class Person:
    """Whose line it is on the journey of a company; `part` is what they are to the purchase."""

    lead_id: int
    name: str
    part: str


@dataclass(frozen=True)
class Entry:
    """One line of the journey in words; `dot` and `icon` are how it looks. `delta_tenths` is by how
    much the score of `lead_id` moved, None on other lines and for its first. `is_undone`: it was
    taken back and counts no more."""

    kind: str
    at: dt.datetime
    pk: int
    lead_id: int
    text: str
    detail: str
    icon: str
    dot: str = ""
    delta_tenths: int | None = None
    is_undone: bool = False
    person: Person | None = None


class Line(NamedTuple):
    """What a line says and how it looks; the fields are those of Entry."""

    text: str
    detail: str
    icon: str
    dot: str = ""
    delta_tenths: int | None = None
    is_undone: bool = False


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
    "item:undone": ("undo-2", _("took back what was just done to many leads")),
    "clock:paused": ("pause", _("paused the clock")),
    "clock:resumed": ("play", _("The clock goes on")),
    "item:snoozed": ("alarm-clock", _("put the next task off")),
    "item:closed": ("archive", _("Left the queue")),
    "item:unmerged": ("undo-2", _("took the lead out of another one again")),
    "item:held": ("triangle-alert", _("Nobody can work it")),
    "item:held_till_open": ("clock", _("Nobody is at work: it waits for the opening")),
    "item:override-asked": ("message-square", _("asked a manager to accept with open answers")),
    "plan:changed": ("sprout", _("changed when the lead wakes")),
    "cadence:started": ("list-checks", _("started a cadence")),
    "cadence:stopped": ("list-checks", _("stopped the cadence")),
    "facts:changed": ("pencil", _("changed facts")),
    "framework:switched": ("list-checks", _("switched the checklist")),
    "handoff:taken": ("handshake", _("took the handoff")),
    "handoff:moved": ("user-check", _("gave the handoff to another desk")),
    "handoff:settled": ("handshake", _("Taken: the deal shows it")),
    "handoff:partner-took": ("handshake", _("Taken by the partner")),
    "handoff:partner-took-told": ("handshake", _("wrote down that the partner takes it")),
    "handoff:partner-returned": ("undo-2", _("Given back by the partner")),
    "handoff:partner-returned-told": ("undo-2", _("wrote down that the partner gives it back")),
    "handoff:returned": ("undo-2", _("gave the lead back")),
}


def entry_of(row: Row, *, reader_id: int | None, person: Person | None) -> Entry:
    """A row in words; what `reader_id` did reads “You …”, `person` is whose line it is where
    several people are shown."""
    kind = row.kind
    who = _("You") if row.by_id and row.by_id == reader_id else row.by_name
    told = WRITERS[kind](row, str(who))
    return Entry(
        kind=kind,
        at=row.at,
        pk=row.pk,
        lead_id=row.lead_id,
        text=str(told.text),
        detail=_short(str(told.detail)),
        icon=told.icon,
        dot=told.dot,
        delta_tenths=told.delta_tenths,
        is_undone=told.is_undone,
        person=person,
    )


def _short(words: str) -> str:
    return words if len(words) <= WORDS_SHOWN else f"{words[: WORDS_SHOWN - 1]}…"


def _told(who: str, act: str) -> str:
    """“You claimed …”, or the act alone when nobody did it."""
    return f"{who} {act}" if who else f"{act[:1].upper()}{act[1:]}"


def _activity(row: Row, _who: str) -> Line:
    name = row.verb.replace("_", " ").replace(".", " ").replace(":", " ")
    icon = next((icon for part, icon in ACTIVITY_ICONS if part in row.verb), "mouse-pointer-click")
    detail = _properties(row.words)
    if row.subject == "machine":
        detail = _("A machine did this; it does not count") + (f" · {detail}" if detail else "")
        return Line(name.capitalize(), detail, "bot")
    return Line(name.capitalize(), detail, icon, "intent")


def _properties(words: str) -> str:
    found: dict[str, Any] = json.loads(words or "{}")
    return ", ".join(
        f"{key.replace('_', ' ')}: {value}"
        for key, value in found.items()
        if isinstance(value, str | int | float) and value != ""
    )


def _stage(row: Row, who: str) -> Line:
    names = dict(Stage.choices)
    text = _("Stage: %(before)s → %(after)s") % {
        "before": names.get(row.subject, row.subject),
        "after": names.get(row.verb, row.verb),
    }
    detail = ", ".join(part for part in (row.words, who) if part)
    return Line(text, detail, "git-commit-horizontal")


def _item(row: Row, who: str) -> Line:
    told = row.verb.rpartition(":")[2].replace("-", " ").capitalize()
    icon, words = ITEM_VERBS.get(row.verb, ("dot", told))
    act = str(words)
    is_passive = act[:1].isupper()
    return Line((act if is_passive else _told(who, act)), row.words, icon)


def _touch(row: Row, who: str) -> Line:
    kind, result = TouchKind(row.verb), TouchResult(row.subject.removesuffix(UNDONE))
    act = _("logged: %(kind)s, %(result)s") % {
        "kind": kind.label.lower(),
        "result": result.label.lower(),
    }
    if row.subject.endswith(UNDONE):
        detail = _together(str(_("Taken back")), row.words)
        return Line(_told(who, act), detail, "undo-2", is_undone=True)
    dot = "ok" if result == TouchResult.SPOKE else ""
    return Line(_told(who, act), row.words, TOUCH_ICONS[kind], dot)


def _answer(row: Row, who: str) -> Line:
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
    return Line(text, detail, icon.get(state, "circle-check"), dot)


def _dispute(row: Row, who: str) -> Line:
    act = _("flagged “%(line)s” as %(kind)s") % {
        "line": row.subject,
        "kind": DisputeKind(row.verb).label.lower(),
    }
    return Line(_told(who, act), row.words, "flag", "warn")


def _decision(row: Row, who: str) -> Line:
    icon, dot, act = DECISIONS[DecisionKind(row.verb)]
    return Line(_told(who, str(act) % {"subject": row.subject}), row.words, icon, dot)


def _outcome(row: Row, _who: str) -> Line:
    words = dict(Outcome.Value.choices)[row.verb]
    text = _("Outcome: %(what)s") % {"what": words}
    if row.subject:
        text = _("Outcome: %(what)s after %(n)s months") % {"what": words, "n": row.subject}
    dots = {str(Outcome.Value.LOST): "warn", str(Outcome.Value.OPPORTUNITY): ""}
    return Line(text, row.words, "trending-up", dots.get(row.verb, "ok"))


def _merge(row: Row, who: str) -> Line:
    if row.verb == "unmerged":
        act, icon = _("took %(name)s out of this lead again"), "undo-2"
    else:
        act, icon = _("merged %(name)s into this lead"), "users"
    return Line(_told(who, str(act) % {"name": row.subject or _("a lead")}), "", icon)


def _score(row: Row, _who: str) -> Line:
    move: dict[str, Any] = json.loads(row.words)
    was, total = move["was_total"], move["total"]
    delta = None if was is None else int(total - was)
    score = _step(_total(was), _total(total))
    if move["out"]:
        text = _("Out by a rule: %(rule)s") % {"rule": move["out"].replace("_", " ")}
        detail = _together(_("score %(score)s") % {"score": score}, _cause(row))
        return Line(text, detail, "shield-check", "warn", delta)
    grade = _step(move["was_grade"], move["grade"])
    text = _("Score %(score)s, grade %(grade)s") % {"score": score, "grade": grade}
    tier = _step(move["was_tier"], move["tier"])
    detail = _together(_("tier %(tier)s") % {"tier": tier} if tier else "", _cause(row))
    icon = "trending-down" if (delta or 0) < 0 else "trending-up"
    return Line(text, detail, icon, "fit", delta)


def _total(tenths: int | None) -> str:
    return "" if tenths is None else unsigned_tenths(tenths)


def _step(was: str, now: str) -> str:
    """“B2 → B1”, or one of them where nothing was or nothing changed."""
    return now if was in ("", now) else f"{was} → {now}"


def _together(*parts: str) -> str:
    return " · ".join(str(part) for part in parts if part)


def _cause(row: Row) -> str:
    """What else than a fact moved the score: other rules, or time."""
    told = {
        MoveCause.VERSION: _("by version %(n)s of the rules") % {"n": row.subject},
        MoveCause.CHECK: _("found by the regular check"),
    }
    return str(told.get(MoveCause(row.verb), ""))


WRITERS = {
    "activity": _activity,
    "stage": _stage,
    "item": _item,
    "touch": _touch,
    "answer": _answer,
    "dispute": _dispute,
    "decision": _decision,
    "outcome": _outcome,
    "merge": _merge,
    "unmerge": _merge,
    "score": _score,
}
