"""The main road: inbox row → lead → score → queue.

Called by the worker, the sweep, the import and the demo. Every step is a row first, so a killed
worker loses nothing: the message stays due, or the lead stays in ScoringDue.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import OperationalError, transaction

from crm.exceptions import PayloadInvalid
from crm.intake.adapters import payload_of
from crm.intake.results import Upserted
from crm.intake.upsert import upsert_lead
from crm.models import InboxMessage
from qualification.choices import EntryReason
from qualification.models import ScoringDue
from qualification.neighbours import do_due
from qualification.review import queue as review_queue
from qualification.review import waking
from qualification.review.prefill import prefill
from qualification.scoring import rescore, versions
from qualification.scoring.colleagues import reached

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
BACKOFF = timedelta(seconds=30)
MAX_ERROR = 500


def process(message_id: int, *, now: datetime) -> InboxMessage:
    """Make a lead or an activity of one stored message; safe to call twice, at once, or never.

    What cannot be understood is set aside with the reason; what fails is tried again, five times.
    Raises InboxMessage.DoesNotExist.
    """
    try:
        taken = _take(message_id, now)
    except Exception as error:  # noqa: BLE001 - whatever it is, the message waits for another try
        logger.error("inbox.failed message=%s error=%s", message_id, without_values(error))
        _put_back(message_id, error, now)
        taken = None
    if taken is not None:
        _score_or_leave_due(taken.lead.pk, taken.recorded_at)
    return InboxMessage.objects.get(pk=message_id)


@transaction.atomic
def _take(message_id: int, now: datetime) -> Upserted | None:
    """The message becomes rows and is done, in one transaction; what came of it, if anything."""
    message = (
        InboxMessage.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("source__team")
        .filter(pk=message_id, state=InboxMessage.State.NEW)
        .first()
    )
    if message is None:  # done already, or somebody is at it
        return None
    message.processed_at = now
    try:
        payload = payload_of(message)
        with transaction.atomic():
            result = upsert_lead(payload=payload, source=message.source, now=now)
            unread = prefill(
                lead=result.lead,
                answers=payload.answers,
                source=message.source,
                said_at=min(payload.stated_at or now, now),
                now=result.recorded_at,
            )
    except PayloadInvalid as error:
        message.state, message.error = InboxMessage.State.QUARANTINED, str(error)[:MAX_ERROR]
        message.save(update_fields=["state", "error", "processed_at"])
        return None
    message.state, message.lead = InboxMessage.State.DONE, result.lead
    left_out = [f"{value.key}: {value.reason}" for value in result.left_out]
    message.error = "; ".join([*payload.notes, *left_out, *unread])[:MAX_ERROR]
    message.save(update_fields=["state", "lead", "error", "processed_at"])
    _follow(result)
    return result


def _follow(result: Upserted) -> None:
    now = result.recorded_at
    if result.is_reinquiry:
        # The door turns away whom a rule disqualifies: it must know what the person says now.
        _score_if_possible(result.lead.pk, now)
    # Before the queue: whoever scores takes what is due first and a turn in a pool after it.
    facts_changed(result.affected, now=now)
    if result.is_reinquiry:
        review_queue.enter_queue([result.lead.pk], reason=EntryReason.REINQUIRY, now=now)


def _score_if_possible(lead_id: int, now: datetime) -> None:
    """A score that fails must not hold up what the person said; the lead is due anyway."""
    try:
        with transaction.atomic():
            rescore.score_leads([lead_id], now=now)
    except Exception as error:  # noqa: BLE001 - see above
        logger.error("score.failed lead=%s error=%s", lead_id, without_values(error))


def _put_back(message_id: int, error: Exception, now: datetime) -> None:
    """One attempt more; the next one waits twice as long, after the last one people look at it.

    A busy database is not the message's fault and never sets it aside.
    """
    with transaction.atomic():
        message = (
            InboxMessage.objects.select_for_update()
            .filter(pk=message_id, state=InboxMessage.State.NEW)
            .first()
        )
        if message is None:
            return
        is_ours = not isinstance(error, OperationalError)
        message.attempts = min(message.attempts + 1, MAX_ATTEMPTS if is_ours else MAX_ATTEMPTS - 1)
        message.error = f"{type(error).__name__}, attempt {message.attempts}"[:MAX_ERROR]
        message.due_at = now + BACKOFF * 2 ** (message.attempts - 1)
        if message.attempts >= MAX_ATTEMPTS:
            message.state, message.processed_at = InboxMessage.State.QUARANTINED, now
        message.save()


def _score_or_leave_due(lead_id: int, now: datetime) -> None:
    try:
        score_and_queue([lead_id], now=now)
    except Exception as error:  # noqa: BLE001 - the lead is in ScoringDue: the sweep scores it
        logger.error("score.failed lead=%s error=%s", lead_id, without_values(error))


def without_values(error: Exception) -> str:
    """Kind and place of an error; its text may quote what a person wrote."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at " + " < ".join(
        f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-4:])
    )


def facts_changed(lead_ids: Collection[int], *, now: datetime) -> None:
    """These leads need a new score, and whoever is scored by what they do. Call in the transaction
    that changed what is known of them."""
    rescore.mark_due(reached(lead_ids), now=now)


def score_and_queue(lead_ids: Collection[int], *, now: datetime, queue: bool = True) -> None:
    """Score under the active model, then (`queue`) let the line decide who enters and who leaves,
    and wake who slept until this.

    Without an active model there is nothing to do: the first activation scores every lead.
    """
    if not lead_ids:
        return
    with transaction.atomic():
        rescore.score_leads(lead_ids, now=now)
        if queue:
            review_queue.apply_line(lead_ids, model=versions.active_model(), now=now)
    if queue:
        waking.look_again(lead_ids, now=now)


def finish_due(now: datetime, limit: int = 500) -> int:
    """Score what a dead worker left to do by `now`, oldest first; how many leads. One that cannot
    be scored is left due, the others are scored.

    Two at once do the same work twice, one after the other: rows of ScoringDue are never locked
    before their leads.
    """
    # A fact of a later moment (another host's clock) keeps its mark until that moment has come.
    due = ScoringDue.objects.filter(since__lte=now).order_by("since", "lead_id")
    lead_ids = list(due.values_list("lead_id", flat=True)[:limit])
    return do_due(lead_ids, partial(_finish, now=now), what="score")


def _finish(lead_ids: Sequence[int], *, now: datetime) -> int:
    score_and_queue(lead_ids, now=now)
    return len(lead_ids)
