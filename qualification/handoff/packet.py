"""Decides what an AE reads about an accepted lead: answers, score, journey, budget, an opening.

Called when a lead is handed over, and by the accept dialog for a preview. Plain JSON.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from crm.models import Account, Activity, Lead
from qualification.choices import AnswerState, Dimension
from qualification.models import Touch
from qualification.review.checklists import KNOWN, Checklist, Question
from qualification.scoring.ledger import Ledger, LedgerLine

JOURNEY_LENGTH = 10
# What an opening is built on, best first.
OPENERS = ("trigger", "pain", "goals", "priority", "timing")
PERSON_FIELDS = ("title", "seniority", "department", "email", "phone", "city", "country", "topic")
ACCOUNT_FIELDS = ("name", "website", "industry", "employees", "revenue", "city", "country")
SHORT = 120


def build_packet(
    *,
    lead: Lead,
    checklist: Checklist,
    ledger: Ledger | None,
    note: str = "",
    override_reason: str = "",
    opening_text: str = "",
    now: datetime,
) -> dict[str, Any]:
    """The packet as plain JSON; keys: at, lead, account, score, answers, open, watch_out, budget,
    journey, touches, ledger, opening (text, the fact it uses, and what was suggested where somebody
    wrote an own one, `opening_text`), note, override_reason."""
    suggested = opening(lead=lead, checklist=checklist, ledger=ledger)
    return {
        "at": now.isoformat(),
        "lead": _person(lead),
        "account": _company(lead.account),
        "score": _score(ledger),
        "framework": checklist.framework.name,
        "answers": [_answer(question) for question in checklist.questions if question.state],
        "open": [question.label for question in checklist.questions if not question.is_met],
        "watch_out": [
            _answer(question)
            for question in checklist.questions
            if question.state == AnswerState.CONTRADICTED
        ],
        "budget": _budget(checklist),
        "journey": _journey(lead, now),
        "touches": _touches(lead, now),
        "ledger": None if ledger is None else ledger.to_json(),
        "opening": _chosen_opening(suggested, opening_text.strip()),
        "note": note,
        "override_reason": override_reason,
    }


def opening(*, lead: Lead, checklist: Checklist, ledger: Ledger | None) -> dict[str, str]:
    """A suggested first sentence and the fact it rests on; both blank when nothing is known."""
    known = (checklist.question(key) for key in OPENERS)
    answer = next((q for q in known if q is not None and q.state in KNOWN and q.words), None)
    if answer is not None:
        return {
            "text": _("You told us: “%(words)s”. What has changed since?")
            % {"words": answer.words},
            "fact": _cited(answer),
        }
    line = _strongest_intent(ledger)
    if line is not None:
        return {
            "text": _("I saw your interest: %(what)s. What made you look?") % {"what": line.name},
            "fact": f"{line.name}: {line.fact}" if line.fact else line.name,
        }
    if lead.topic:
        return {
            "text": _("You asked us about %(topic)s. What should it do for you?")
            % {"topic": lead.topic},
            "fact": _("Topic of the inquiry: %(topic)s") % {"topic": lead.topic},
        }
    return {"text": "", "fact": ""}


def _chosen_opening(suggested: dict[str, str], own: str) -> dict[str, str]:
    if not own or own == suggested["text"]:
        return suggested
    return {"text": own, "fact": "", "suggested": suggested["text"]}


def _cited(question: Question) -> str:
    """Such as `Main pain, confirmed, Mail, 23 Nov 2026`."""
    day = question.answered_on
    parts = [
        question.label,
        str(AnswerState(question.state).label).lower(),
        question.source,
        formats.date_format(day, "j M Y") if day else "",
    ]
    return ", ".join(part for part in parts if part)


def _strongest_intent(ledger: Ledger | None) -> LedgerLine | None:
    if ledger is None:
        return None
    lines = [
        line
        for line in ledger.lines
        if line.dimension == Dimension.INTENT and line.rule_key and line.points_tenths > 0
    ]
    return max(lines, key=lambda line: line.points_tenths, default=None)


def _person(lead: Lead) -> dict[str, Any]:
    facts = {name: getattr(lead, name) for name in PERSON_FIELDS}
    return {"id": lead.pk, "name": lead.name, "company": lead.company_name} | facts


def _company(account: Account | None) -> dict[str, Any] | None:
    if account is None:
        return None
    return {name: getattr(account, name) for name in ACCOUNT_FIELDS}


def _score(ledger: Ledger | None) -> dict[str, Any] | None:
    if ledger is None:
        return None
    return {
        "grade": ledger.grade,
        "tier": ledger.tier,
        "fit_tenths": ledger.fit_tenths,
        "intent_tenths": ledger.intent_tenths,
        "total_tenths": ledger.total_tenths,
        "model_version": ledger.model_version,
    }


def _answer(question: Question) -> dict[str, Any]:
    return {
        "key": question.key,
        "part": question.part,
        "label": question.label,
        "question": question.text,
        "words": question.words,
        "state": question.state,
        "source": question.source,
        "answered_on": question.answered_on.isoformat() if question.answered_on else None,
        "evidence_url": question.evidence_url,
        "is_required": question.is_required,
    }


def _budget(checklist: Checklist) -> dict[str, Any] | None:
    question = checklist.question("budget")
    return _answer(question) if question is not None and question.state else None


def _journey(lead: Lead, now: datetime) -> list[dict[str, str]]:
    """The latest activities that were not a machine's, newest first."""
    activities = Activity.objects.filter(lead=lead, recorded_at__lte=now)
    latest = activities.prefetch_related("verdicts")[: JOURNEY_LENGTH * 2]
    people = [activity for activity in latest if not _is_machine(activity)]
    return [
        {
            "at": activity.occurred_at.isoformat(),
            "words": activity.type.replace("_", " ").capitalize(),
            "detail": _detail(activity.properties),
        }
        for activity in people[:JOURNEY_LENGTH]
    ]


def _is_machine(activity: Activity) -> bool:
    verdict = next(iter(activity.verdicts.all()), None)
    return verdict is not None and verdict.is_machine


def _detail(properties: object) -> str:
    if not isinstance(properties, dict):
        return ""
    plain = (f"{k}: {v}" for k, v in properties.items() if isinstance(v, str | int | float))
    return ", ".join(plain)[:SHORT]


def _touches(lead: Lead, now: datetime) -> list[dict[str, str]]:
    """The latest contacts and attempts, newest first."""
    touches = Touch.objects.standing().filter(lead=lead, at__lte=now).select_related("by")
    return [
        {
            "at": timezone.localtime(touch.at).isoformat(),
            "words": str(touch),
            "by": str(touch.by),
            "note": touch.note,
        }
        for touch in touches[:JOURNEY_LENGTH]
    ]
