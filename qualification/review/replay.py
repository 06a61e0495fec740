"""Reads a past decision as the reviewer saw it: what was frozen with it, and what followed.

Called by the replay page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import formats, timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.models import LeadMerge, User
from crm.models.lead import DisqualifiedBy, EmailKind
from crm.stages import Stage
from qualification.choices import DecisionKind, EntryReason, TimerKind
from qualification.models import Criterion, Decision
from qualification.permissions import Right, has_right
from qualification.review import merge
from qualification.review.score_lines import Group, Line, groups_of
from qualification.review.seen import Seen, seen_from
from qualification.review.values import in_words
from qualification.scoring.ledger import Ledger

LEAD_LABELS = {
    "title": gettext_lazy("Title"),
    "seniority": gettext_lazy("Seniority"),
    "department": gettext_lazy("Department"),
    "email": gettext_lazy("Email"),
    "email_kind": gettext_lazy("Mail address"),
    "phone": gettext_lazy("Phone"),
    "city": gettext_lazy("City"),
    "country": gettext_lazy("Country"),
    "topic": gettext_lazy("Asked for"),
    "source": gettext_lazy("Source"),
    "channel": gettext_lazy("Channel"),
    "campaign": gettext_lazy("Campaign"),
    "opted_out": gettext_lazy("Opted out"),
}
ACCOUNT_LABELS = {
    "industry": gettext_lazy("Industry"),
    "employees": gettext_lazy("Employees"),
    "revenue": gettext_lazy("Revenue"),
    "website": gettext_lazy("Web"),
    "city": gettext_lazy("City"),
    "country": gettext_lazy("Country"),
}


@dataclass(frozen=True)
class Fact:
    """One thing that was known, in words."""

    label: str
    words: str


@dataclass(frozen=True)
class Answer:
    """A checklist answer as it stood."""

    label: str
    words: str
    state: str
    source: str
    by: str
    answered_on: date | None
    evidence_url: str


@dataclass(frozen=True)
class Clock:
    """One clock as it stood."""

    name: str
    due_at: datetime | None
    elapsed: timedelta
    is_breached: bool


@dataclass(frozen=True)
class Said:
    """What the head of the page said; `advice` is action, fit and intent."""

    verdict: tuple[str, ...]
    advice: tuple[str, ...]
    known: int
    expected: int
    missing: tuple[str, ...]
    roles: int
    open_roles: tuple[str, ...]

    @property
    def covered(self) -> int:
        """How many buying roles somebody played."""
        return self.roles - len(self.open_roles)


@dataclass(frozen=True)
class Screen:
    """What could be seen of a lead at a moment; nothing of what was decided."""

    at: datetime
    name: str
    company: str
    facts: tuple[Fact, ...]
    account_facts: tuple[Fact, ...]
    framework: str
    answers: tuple[Answer, ...]
    ledger: Ledger | None
    groups: tuple[Group, ...]
    other_lines: tuple[Line, ...]
    model_version: int | None
    entry: str
    entered_at: datetime | None
    received_at: datetime | None
    touches: int
    clocks: tuple[Clock, ...]
    # None for decisions that did not keep it.
    said: Said | None
    seen: Seen | None


@dataclass(frozen=True)
class Replay:
    """The screen of that moment, the decision, and every decision on the lead, oldest first;
    `merges` say how the lead was merged since."""

    screen: Screen
    decision: Decision
    name: str
    chain: tuple[Decision, ...]
    merges: tuple[str, ...]

    @property
    def reversal(self) -> Decision | None:
        """What took this decision back, if anything did."""
        return next((row for row in self.chain if row.reverses_id == self.decision.pk), None)


def replay_of(decision: Decision) -> Replay:
    """What was frozen with an accept, a reject or a nurture."""
    screen = screen_of(decision.frozen, at=decision.at)
    return Replay(
        screen=screen,
        decision=decision,
        name=screen.name or _("Lead %(id)s") % {"id": decision.lead_id},
        chain=decisions_of(decision.lead_id),
        merges=merges_since(decision.lead_id, decision.at),
    )


def screen_of(frozen: dict[str, Any], *, at: datetime) -> Screen:
    """What `frozen.py` kept of a moment; `at` where it does not say when that was."""
    person, account = frozen.get("lead") or {}, frozen.get("account") or {}
    clock, hold = frozen.get("clock") or {}, frozen.get("hold") or {}
    ledger = Ledger.from_json(frozen["ledger"]) if frozen.get("ledger") else None
    groups, other_lines = groups_of(ledger, {})
    return Screen(
        at=_moment(frozen.get("at")) or at,
        name=_name(person),
        company=account.get("name") or person.get("company_name") or "",
        facts=(*_facts(person, LEAD_LABELS), *_attributes(person.get("attributes") or {})),
        account_facts=_facts(account, ACCOUNT_LABELS),
        framework=(frozen.get("framework") or {}).get("name", ""),
        answers=_answers(frozen.get("answers") or {}),
        ledger=ledger,
        groups=groups,
        other_lines=other_lines,
        model_version=frozen.get("model_version"),
        entry=_label(EntryReason, hold.get("entry_reason")),
        entered_at=_moment(clock.get("entered_at")),
        received_at=_moment(clock.get("received_at")),
        touches=clock.get("touches", 0),
        clocks=tuple(_clock(timer) for timer in clock.get("timers", [])),
        said=_said(frozen["said"]) if frozen.get("said") else None,
        seen=seen_from(frozen["seen"]) if frozen.get("seen") else None,
    )


def _said(kept: dict[str, Any]) -> Said:
    known, roles = kept["completeness"], kept["roles"]
    return Said(
        verdict=tuple(kept["verdict"] or ()),
        advice=tuple(kept["advice"] or ()),
        known=known["known"],
        expected=known["expected"],
        missing=tuple(known["missing"]),
        roles=roles["total"],
        open_roles=tuple(roles["missing"]),
    )


def decisions_of(lead_id: int) -> tuple[Decision, ...]:
    """Every decision on a lead, undone and overturned ones included, oldest first."""
    rows = Decision.objects.filter(lead_id=lead_id).order_by("at", "pk")
    return tuple(rows.select_related("by", "reason", "ae", "team", "partner", "reverses"))


def merges_since(lead_id: int, at: datetime) -> tuple[str, ...]:
    """How the lead was merged, or taken apart, since a moment, in sentences."""
    return tuple(_merged_text(one, lead_id) for one in merge.changes_since(lead_id, at))


def _merged_text(one: LeadMerge, lead_id: int) -> str:
    words = {
        "survivor": one.survivor.name,
        "loser": one.loser.name,
        "day": formats.date_format(timezone.localtime(one.undone_at or one.at), "j M Y H:i"),
    }
    if one.undone_at is not None:
        return _("%(loser)s was taken out of %(survivor)s again on %(day)s.") % words
    if one.loser_id == lead_id:
        return _("This lead was merged into %(survivor)s on %(day)s.") % words
    return _("%(loser)s was merged into this lead on %(day)s.") % words


def overturn_hindrance(decision: Decision, *, by: User, chain: tuple[Decision, ...]) -> str:
    """Why this person cannot overturn the decision, in words; blank when they can. The door itself
    is `undo.overturn_rejection`, which looks again."""
    lead = decision.lead
    if decision.kind != DecisionKind.REJECT or not has_right(by, Right.AUDIT):
        return _("Only a manager can overturn a rejection.")
    if any(row.reverses_id == decision.pk for row in chain):
        return _("This rejection was taken back already.")
    if lead.erased_at is not None:
        return _("The personal data of this lead were erased.")
    if decision.by_id == by.pk:
        return _("You rejected this lead yourself; a colleague must look at it.")
    is_itself = lead.merged_into_id is None
    is_rejected = (
        is_itself
        and lead.stage == Stage.DISQUALIFIED
        and lead.disqualified_by == DisqualifiedBy.PERSON
    )
    if not is_rejected or chain[-1].pk != decision.pk:
        return _("This lead has moved on since it was rejected.")
    return ""


def _name(person: dict[str, Any]) -> str:
    """Blank where neither name nor address was known."""
    full = f"{person.get('first_name', '')} {person.get('last_name', '')}".strip()
    return full or person.get("email") or ""


def _facts(row: dict[str, Any], labels: dict[str, Any]) -> tuple[Fact, ...]:
    return tuple(
        Fact(str(label), _words(name, row[name]))
        for name, label in labels.items()
        if row.get(name) not in (None, "", False)
    )


def _attributes(attributes: dict[str, Any]) -> tuple[Fact, ...]:
    return tuple(
        Fact(name.replace("_", " ").capitalize(), _words(name, value))
        for name, value in sorted(attributes.items())
        if value not in (None, "")
    )


def _words(name: str, value: Any) -> str:
    if name == "email_kind":
        return _label(EmailKind, value)
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, int):
        return formats.number_format(value, use_l10n=True, force_grouping=True)
    return str(value)


def _answers(answers: dict[str, dict[str, Any]]) -> tuple[Answer, ...]:
    kinds = dict(Criterion.objects.filter(key__in=answers).values_list("key", "value_type"))
    return tuple(
        Answer(
            label=answer["label"],
            words=in_words(answer["value"], kinds.get(key, Criterion.ValueType.TEXT)),
            state=answer["state"],
            source=answer["source"],
            by=answer["by"],
            answered_on=parse_date(answer["answered_on"] or ""),
            evidence_url=answer["evidence_url"],
        )
        for key, answer in answers.items()
    )


def _clock(timer: dict[str, Any]) -> Clock:
    return Clock(
        name=_label(TimerKind, timer["kind"]),
        due_at=_moment(timer["due_at"]),
        elapsed=timedelta(seconds=timer["elapsed_seconds"]),
        is_breached=timer["is_breached"],
    )


def _label(choices: Any, value: str | None) -> str:
    return str(choices(value).label) if value in choices.values else value or ""


def _moment(text: str | None) -> datetime | None:
    return timezone.localtime(parse_datetime(text)) if text else None
