"""Decides whether enough is known of a lead for where it goes, and writes down what is said of it.

Called by accepting, by moving and by their dialogs. What is lacking is read from the function of
the database that the trigger of handoffs reads: one rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from crm.exceptions import FactsInvalid
from crm.facts import LEAD_KEYS
from crm.models import Lead, User
from qualification.choices import AnswerState, TargetKind
from qualification.exceptions import DestinationIncomplete
from qualification.models import Criterion, DestinationField
from qualification.review.checklists import record_answer
from qualification.review.facts import edit_facts
from qualification.scoring.subjects import Catalogue, subject_of

# What facts call the fields of an account. An address is changed in its own form only: it is locked
# before the lead.
ACCOUNT_KEYS = {
    "website": "website",
    "industry": "industry",
    "employees": "employees",
    "revenue": "revenue",
    "city": "account_city",
    "country": "account_country",
}


@dataclass(frozen=True)
class Need:
    """Something not known of a lead. `targets` are the kinds of destination that need it; whether
    it can be said with the accept as a yes (`is_question`) or in words (`is_text`)."""

    subject: str
    label: str
    targets: frozenset[str]
    is_question: bool
    is_text: bool

    @property
    def field(self) -> str:
        """The name of its form field."""
        return f"need-{self.subject}"


def needs_of(lead: Lead) -> tuple[Need, ...]:
    """What any destination needs and is not known of the lead."""
    rows = DestinationField.objects.raw(
        "SELECT * FROM leadqual_lacks(%s) ORDER BY subject, id", [lead.pk]
    )
    targets: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        targets[row.subject].add(row.target)
    if not targets:
        return ()
    catalogue = Catalogue.load()
    return tuple(_need(name, frozenset(kinds), lead, catalogue) for name, kinds in targets.items())


def _need(name: str, targets: frozenset[str], lead: Lead, catalogue: Catalogue) -> Need:
    subject = subject_of(name)
    is_yes = subject.family == "checklist" and str(catalogue.type_of(subject)) == "boolean"
    return Need(
        subject=name,
        label=catalogue.label_of(subject),
        targets=targets,
        is_question=is_yes,
        is_text=bool(_fact_key(name, lead)) or (subject.family == "checklist" and not is_yes),
    )


def _fact_key(name: str, lead: Lead) -> str:
    """The key of the fact; blank for what cannot be written as one."""
    family, _dot, part = name.partition(".")
    if family == "account" and lead.account_id is not None:
        return ACCOUNT_KEYS.get(part, "")
    return part if family == "lead" and part in LEAD_KEYS and part != "email" else ""


def check_needs(lead: Lead, kind: TargetKind) -> None:
    """Raises DestinationIncomplete unless everything such a destination needs is known."""
    missing = [need.label for need in needs_of(lead) if kind in need.targets]
    if missing:
        raise DestinationIncomplete(
            _("%(destination)s: still needed is %(names)s.")
            % {"destination": kind.label, "names": ", ".join(missing)},
            missing,
        )


def fill_needs(
    *, lead: Lead, kind: TargetKind, said: Mapping[str, str], by: User, now: datetime
) -> None:
    """Writes what was said of what such a destination needs, by subject: facts, and answers of the
    checklist. Raises DestinationIncomplete where a fact cannot be so, else what the doors raise."""
    texts: dict[str, str] = {}
    answers: dict[str, str] = {}
    for need in needs_of(lead):
        text = said.get(need.subject, "").strip()
        if not text or kind not in need.targets:
            continue
        key = _fact_key(need.subject, lead)
        if key:
            texts[key] = text
        elif need.is_question or need.is_text:
            answers[need.subject.partition(".")[2]] = text
    if texts:
        try:
            edit_facts(lead=lead, texts=texts, by=by, now=now)
        except FactsInvalid as refused:
            raise DestinationIncomplete(str(refused), list(refused.wrong)) from refused
    for key, text in answers.items():
        record_answer(
            lead=lead,
            criterion=Criterion.objects.get(key=key),
            value=text,
            state=AnswerState.CONFIRMED,
            source=_("Said before the handoff"),
            answered_on=timezone.localtime(now).date(),
            by=by,
            now=now,
        )
