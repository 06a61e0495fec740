"""Decides what is known about a lead: answers to checklist questions, and what is still open.

Called by views, decisions and the hand-over; the only writer of ChecklistAnswer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Prefetch, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm.models import Lead, User
from qualification.choices import AnswerState, ModelStatus
from qualification.exceptions import AnswerInvalid
from qualification.models import (
    ChecklistAnswer,
    Criterion,
    Framework,
    FrameworkItem,
    FrameworkText,
    QuestionTally,
    ReviewItem,
    ScoringRule,
)
from qualification.review import values
from qualification.review.frameworks import framework_for
from qualification.review.hands_on import renew_claim, require_hands_on
from qualification.review.items import lock_leads
from qualification.scoring.rescore import mark_due

KNOWN = (AnswerState.CONFIRMED, AnswerState.INFERRED)


@dataclass(frozen=True)
class Question:
    """One question with what is known; `state` is empty while nobody answered. `tally`: what past
    decisions say about it."""

    key: str
    criterion_id: int
    part: str
    label: str
    text: str
    why: str
    value_type: str
    is_required: bool
    unknown_ok: bool
    stale_ok: bool = True
    tally: QuestionTally | None = None
    state: str = ""
    value: Any = None
    words: str = ""
    source: str = ""
    answered_on: date | None = None
    by: str = ""
    evidence_url: str = ""
    is_stale: bool = False

    @property
    def is_met(self) -> bool:
        """Good enough for accepting: known, or said to be unknown where that is an answer; and
        fresh where it must be."""
        if self.is_stale and not self.stale_ok:
            return False
        return self.state in KNOWN or (self.state == AnswerState.UNKNOWN and self.unknown_ok)

    @property
    def is_open(self) -> bool:
        """Still to be asked: no answer, or a required one that is unknown or stale and may not
        be."""
        if not self.state:
            return True
        is_weak = self.state == AnswerState.UNKNOWN and not self.unknown_ok
        return self.is_required and (is_weak or (self.is_stale and not self.stale_ok))

    @property
    def is_blocking(self) -> bool:
        """A required answer that is contradicted."""
        return self.is_required and self.state == AnswerState.CONTRADICTED


@dataclass(frozen=True)
class Part:
    """A part of a framework, such as Budget or Economic buyer."""

    name: str
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Checklist:
    """All questions of a framework for one lead, with counts."""

    framework: Framework
    parts: tuple[Part, ...]

    @property
    def questions(self) -> tuple[Question, ...]:
        """Every question in order."""
        return tuple(question for part in self.parts for question in part.questions)

    @property
    def count(self) -> int:
        """Number of questions."""
        return len(self.questions)

    @property
    def answered(self) -> int:
        """Questions that are settled: neither open nor contradicted."""
        return sum(
            not question.is_open and question.state != AnswerState.CONTRADICTED
            for question in self.questions
        )

    @property
    def required(self) -> int:
        """Number of questions that gate accepting."""
        return sum(question.is_required for question in self.questions)

    @property
    def required_met(self) -> int:
        """Required questions that are met."""
        return sum(question.is_required and question.is_met for question in self.questions)

    @property
    def missing(self) -> tuple[Question, ...]:
        """Required questions not met, in order."""
        return tuple(q for q in self.questions if q.is_required and not q.is_met)

    @property
    def blocking(self) -> tuple[Question, ...]:
        """Required questions whose answer is contradicted."""
        return tuple(question for question in self.questions if question.is_blocking)

    @property
    def is_ready(self) -> bool:
        """Whether nothing required is missing."""
        return not self.missing

    @property
    def n_confirmed(self) -> int:
        """Answers confirmed."""
        return self._in_state(AnswerState.CONFIRMED)

    @property
    def n_inferred(self) -> int:
        """Answers inferred."""
        return self._in_state(AnswerState.INFERRED)

    @property
    def n_contradicted(self) -> int:
        """Answers contradicted."""
        return self._in_state(AnswerState.CONTRADICTED)

    @property
    def n_unknown(self) -> int:
        """Answers that say “unknown”, and questions nobody asked yet."""
        return self._in_state(AnswerState.UNKNOWN) + self._in_state("")

    def question(self, key: str) -> Question | None:
        """The question about one criterion, if this framework asks for it."""
        return next((question for question in self.questions if question.key == key), None)

    def _in_state(self, state: str) -> int:
        return sum(question.state == state for question in self.questions)


def current_answers(lead: Lead) -> dict[str, ChecklistAnswer]:
    """The standing answer per criterion key."""
    answers = lead.answers.filter(superseded_at=None).select_related("criterion", "by")
    return {answer.criterion.key: answer for answer in answers}


def checklist_of(lead: Lead, framework: Framework, *, now: datetime) -> Checklist:
    """The framework's questions with the lead's answers, in two queries; three where they are read
    in another language than they are written in."""
    return checklist_with(current_answers(lead), framework, now=now)


def checklist_with(
    answers: Mapping[str, ChecklistAnswer], framework: Framework, *, now: datetime
) -> Checklist:
    """The same with answers that were read already, by criterion key."""
    parts = groupby(_items_of(framework), key=lambda item: item.part)
    return Checklist(
        framework=framework,
        parts=tuple(
            Part(name, tuple(_question(item, answers, now) for item in group))
            for name, group in parts
        ),
    )


def _items_of(framework: Framework) -> QuerySet[FrameworkItem]:
    items = framework.items.select_related("criterion__tally").order_by("position", "id")
    languages = _languages()
    if not languages:
        return items
    texts = FrameworkText.objects.filter(language__in=languages)
    return items.prefetch_related(Prefetch("texts", texts, to_attr="translated"))


def _languages() -> tuple[str, ...]:
    """The reader's language and what it is a kind of, `pt-br` and `pt`; none where the checklist is
    written in it."""
    language = get_language() or settings.LANGUAGE_CODE
    if language == settings.LANGUAGE_CODE:
        return ()
    return tuple(dict.fromkeys((language, language.split("-")[0])))


def _question(
    item: FrameworkItem, answers: Mapping[str, ChecklistAnswer], now: datetime
) -> Question:
    text, why = _words_of(item)
    asked = Question(
        key=item.criterion.key,
        criterion_id=item.criterion_id,
        part=item.part,
        label=item.criterion.label,
        text=text,
        why=why,
        value_type=item.criterion.value_type,
        is_required=item.is_required,
        unknown_ok=item.unknown_ok,
        stale_ok=item.stale_ok,
        # Nothing was counted yet for a criterion that is new.
        tally=getattr(item.criterion, "tally", None),
    )
    answer = answers.get(asked.key)
    if answer is None:
        return asked
    is_stale = _is_stale(answer, days=item.criterion.stale_after_days, now=now)
    return replace(_answered(asked, answer), is_stale=is_stale)


def _words_of(item: FrameworkItem) -> tuple[str, str]:
    """Question and why in the reader's language, the nearest there is."""
    texts = sorted(getattr(item, "translated", ()), key=lambda text: -len(text.language))
    if not texts:
        return item.question, item.why
    return texts[0].question, texts[0].why or item.why


def _is_stale(answer: ChecklistAnswer, *, days: int | None, now: datetime) -> bool:
    """Whether it was said too long ago. By the day in UTC, as PostgreSQL's own check counts."""
    return days is not None and (now.astimezone(UTC).date() - answer.answered_on).days > days


def _answered(question: Question, answer: ChecklistAnswer) -> Question:
    return replace(
        question,
        state=answer.state,
        value=answer.value,
        words=values.in_words(answer.value, question.value_type),
        source=answer.source,
        answered_on=answer.answered_on,
        by="" if answer.by is None else str(answer.by),
        evidence_url=answer.evidence_url,
    )


def missing_for_accept(lead: Lead, framework: Framework, *, now: datetime) -> list[str]:
    """Labels of required questions that are not met; empty when the lead may be accepted."""
    return [question.label for question in checklist_of(lead, framework, now=now).missing]


@transaction.atomic
def record_answer(
    *,
    lead: Lead,
    criterion: Criterion,
    value: object,
    state: str,
    source: str,
    answered_on: date,
    evidence_url: str = "",
    by: User | None,
    now: datetime,
) -> ChecklistAnswer:
    """Store what is known about a criterion; the answer before it stays as superseded.

    `by` None is the system itself (an import, a form). The same answer again changes nothing.
    Raises AnswerInvalid, PermissionDenied, NotHolder (somebody else holds the lead), LeadErased.
    """
    fields = {
        "value": values.typed(criterion, value, state),
        "state": _known_state(criterion, state),
        "source": _known_source(criterion, source, state),
        "answered_on": _past_day(criterion, answered_on, now),
        "evidence_url": evidence_url.strip(),
        "by": by,
    }
    lock_leads([lead.pk])
    locked = Lead.objects.get(pk=lead.pk)
    item = ReviewItem.objects.open().select_for_update(no_key=True).filter(lead=locked).first()
    if by is not None:
        require_hands_on(lead=locked, item=item, by=by, now=now)
    answer = _supersede(lead=locked, criterion=criterion, fields=fields, now=now)
    if item is not None and by is not None:
        renew_claim(item, by=by, now=now)
        framework_for(item, now=now)  # work has begun: a newer version is not for this lead
    if answer.recorded_at == now and _is_scored(criterion):
        mark_due([locked.pk], now=now)
    return answer


def _supersede(
    *, lead: Lead, criterion: Criterion, fields: dict[str, Any], now: datetime
) -> ChecklistAnswer:
    """The new current answer, under the caller's lock of the lead; the current one if equal."""
    current = ChecklistAnswer.objects.filter(
        lead=lead, criterion=criterion, superseded_at=None
    ).first()
    if current is not None and all(getattr(current, k) == v for k, v in fields.items()):
        return current
    if current is not None:
        ChecklistAnswer.objects.filter(pk=current.pk).update(superseded_at=now)
    return ChecklistAnswer.objects.create(lead=lead, criterion=criterion, recorded_at=now, **fields)


def _known_state(criterion: Criterion, state: str) -> str:
    if state not in AnswerState.values:
        raise AnswerInvalid(
            _("%(question)s: choose how sure this is.") % {"question": criterion.label}
        )
    return AnswerState(state).value


def _known_source(criterion: Criterion, source: str, state: str) -> str:
    if not source.strip() and state != AnswerState.UNKNOWN:
        raise AnswerInvalid(
            _("%(question)s: say where this comes from.") % {"question": criterion.label}
        )
    return source.strip()


def _past_day(criterion: Criterion, day: date, now: datetime) -> date:
    if day > timezone.localtime(now).date():
        raise AnswerInvalid(
            _("%(question)s: an answer cannot have been given in the future.")
            % {"question": criterion.label}
        )
    return day


def _is_scored(criterion: Criterion) -> bool:
    """Whether a rule of the active model reads this criterion."""
    return (
        ScoringRule.objects.filter(model__status=ModelStatus.ACTIVE)
        .annotate(words=Cast("condition", TextField()))
        .filter(words__contains=f"checklist.{criterion.key}")
        .exists()
    )
