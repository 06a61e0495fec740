"""Decides what becomes of answers a person gave before anybody of ours asked: to a chat, in a form.

Called by the pipeline, in the transaction of the message. They stand as inferred, nobody has
verified them, and never in the place of what one of our people wrote down.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from django.db import transaction

from crm.models import Lead, Source
from qualification.choices import AnswerState
from qualification.exceptions import AnswerInvalid
from qualification.models import ChecklistAnswer, Criterion
from qualification.review.checklists import record_answer

MAX_ANSWERS = 50


@transaction.atomic
def prefill(
    *, lead: Lead, answers: Mapping[str, object], source: Source, said_at: datetime, now: datetime
) -> list[str]:
    """Stores the answers by the key of their criterion; returns notes on what was left out.

    Kept as they are: what a person of ours answered, and what was said later than this.
    """
    if not answers:
        return []
    asked = dict(list(answers.items())[:MAX_ANSWERS])
    criteria = {row.key: row for row in Criterion.objects.filter(key__in=asked)}
    notes = [
        f"answers.{key[:60]}: nothing is asked by that name" for key in set(asked) - set(criteria)
    ]
    day = said_at.astimezone(UTC).date()
    standing = {
        answer.criterion_id: answer
        for answer in ChecklistAnswer.objects.filter(lead=lead, superseded_at=None)
    }
    for key, criterion in criteria.items():
        before = standing.get(criterion.pk)
        if before is not None and (before.by_id is not None or before.answered_on > day):
            continue
        try:
            record_answer(
                lead=lead,
                criterion=criterion,
                value=asked[key],
                state=AnswerState.INFERRED,
                source=source.name[:120],
                answered_on=day,
                by=None,
                now=now,
            )
        except AnswerInvalid as refused:
            notes.append(f"answers.{key}: {refused}")
    return sorted(notes)
