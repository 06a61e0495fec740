"""What the head of the lead page says of a lead: verdict, suggested action, completeness, and which
buying roles are covered; as plain words for a decision to keep.

Called by the lead page and, at a decision, by `frozen.py`. Colleagues of the lead are kept as roles
only: their names are theirs, and would outlive their erasure in somebody else's decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm.models import Lead
from qualification.models import ChecklistAnswer, ReviewItem, ScoringModel
from qualification.review.buying import buying_committee_of
from qualification.review.checklists import Checklist, checklist_with
from qualification.review.frameworks import frameworks_on_offer, pick_for
from qualification.scoring import verdict as verdicts
from qualification.scoring.ledger import Ledger
from qualification.scoring.verdict import Verdict

# Fields of lead and account a reviewer expects to know, with the word for the missing one.
LEAD_FACTS = (
    ("email", _("e-mail")),
    ("phone", _("phone")),
    ("title", _("title")),
    ("seniority", _("seniority")),
    ("department", _("department")),
    ("country", _("country")),
    ("city", _("city")),
)
ACCOUNT_FACTS = (
    ("name", _("company")),
    ("industry", _("industry")),
    ("employees", _("employees")),
    ("revenue", _("revenue")),
    ("website", _("website")),
)


@dataclass(frozen=True)
class Completeness:
    """How much of what a reviewer expects is known."""

    known: int
    expected: int
    missing: tuple[str, ...]


def verdict_on(
    ledger: Ledger | None, model: ScoringModel | None, checklist: Checklist
) -> Verdict | None:
    """What the page says of a score; None without one, and for who is disqualified."""
    if ledger is None or model is None or ledger.disqualified:
        return None
    blocking = ", ".join(question.label for question in checklist.blocking)
    return verdicts.verdict_of(total_tenths=ledger.total_tenths, model=model, blocking=blocking)


def completeness_of(lead: Lead) -> Completeness:
    """Which of the expected facts of lead and account are known."""
    account = lead.account
    missing = [str(word) for name, word in LEAD_FACTS if not getattr(lead, name)]
    missing += [
        str(word)
        for name, word in ACCOUNT_FACTS
        if account is None or getattr(account, name) in (None, "")
    ]
    expected = len(LEAD_FACTS) + len(ACCOUNT_FACTS)
    return Completeness(known=expected - len(missing), expected=expected, missing=tuple(missing))


def said_of(
    item: ReviewItem,
    answers: Mapping[str, ChecklistAnswer],
    *,
    ledger: Ledger | None,
    model: ScoringModel | None,
    now: datetime,
) -> dict[str, Any]:
    """The head of the page in words, as JSON: `verdict` (word and sentence), `advice`,
    `completeness`, `roles`; what was not shown is None."""
    lead = item.lead
    framework = (
        item.framework or pick_for(lead.pk, on_offer=frameworks_on_offer(), now=now).framework
    )
    verdict = verdict_on(ledger, model, checklist_with(answers, framework, now=now))
    advice = None
    if ledger is not None and model is not None:
        advice = verdicts.advice_for(ledger.grade, model)
    known, buying = completeness_of(lead), buying_committee_of(lead, ())
    return {
        "verdict": None if verdict is None else [verdict.word, verdict.sentence],
        "advice": None if advice is None else [advice.word, advice.fit, advice.intent],
        "completeness": {
            "known": known.known,
            "expected": known.expected,
            "missing": list(known.missing),
        },
        "roles": {"total": buying.n_roles, "missing": list(buying.missing)},
    }
