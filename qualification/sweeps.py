"""One pass of every sweeper: the rows are the promise, a lost bell only makes it later.

Called by the scheduler's job and `manage.py sweep`. Any number of passes may overlap.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from crm.models import InboxMessage
from qualification import counting, pipeline, runner, self_check
from qualification.channels import plan
from qualification.channels.mail import send_notices
from qualification.channels.webhook import send_to_chat
from qualification.connectors.forget import CRM_ERASURE, send_erasure
from qualification.connectors.send import CRM_HANDOFF, lanes_off, send_to_crm
from qualification.handoff.handover import HANDOFF_MAIL
from qualification.handoff.mail import send_handoff
from qualification.models import Heartbeat
from qualification.outbox import deliver
from qualification.outcomes import poll
from qualification.review import (
    claims,
    contact_hours,
    holds,
    overdue,
    pauses,
    presence,
    routed,
    tasks,
    waking,
)
from qualification.sla import sweep

logger = logging.getLogger(__name__)

# At most this many messages in one pass, so that the others get their turn.
INBOX_LIMIT = 1000


def process_due(*, now: datetime) -> int:
    """Takes the messages that are due through the pipeline, oldest first; returns how many.

    One that fails unexpectedly does not stop the next.
    """
    due = InboxMessage.objects.filter(state=InboxMessage.State.NEW, due_at__lte=now)
    done = 0
    for pk in list(due.order_by("due_at", "pk").values_list("pk", flat=True)[:INBOX_LIMIT]):
        try:
            pipeline.process(pk, now=now)
            done += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, the next message has its turn
            why = pipeline.without_values(error)
            logger.error("inbox.message_failed message=%s error=%s", pk, why)
    return done


# Who sends the messages of which kind.
SENDERS: dict[str, deliver.Sender] = {
    HANDOFF_MAIL: send_handoff,
    plan.NOTICE_MAIL: send_notices,
    plan.NOTICE_WEBHOOK: send_to_chat,
    CRM_HANDOFF: send_to_crm,
    CRM_ERASURE: send_erasure,
}


def deliver_due(*, now: datetime) -> int:
    """Sends the messages of every room that are due; returns how many left."""
    return deliver.deliver_due(SENDERS, now=now, closed=lanes_off())


# What a pass does, in the order in which a lead walks through it.
SWEEPERS: dict[str, Callable[[datetime], int]] = {
    "inbox": lambda now: process_due(now=now),
    "scores": pipeline.finish_due,
    "runs": lambda now: runner.resume_runs(now=now),
    "pauses": lambda now: pauses.resume_due(now=now),
    "timers": lambda now: sweep.record_due(now=now),
    "overdue": lambda now: overdue.follow_up(now=now),
    "holds": lambda now: holds.refresh_holds(now=now),
    "assignments": lambda now: routed.refresh_assignments(now=now),
    "leases": lambda now: claims.expire_leases(now=now),
    "wakeups": lambda now: waking.wake_due(now=now),
    "tasks": lambda now: tasks.tell_due(now=now),
    "contact_hours": lambda now: contact_hours.count_due(now=now),
    "notices": lambda now: plan.plan_due(now=now),
    "presence": lambda now: presence.forget_old(now=now),
    "outbox": lambda now: deliver_due(now=now),
    "outcomes": lambda now: poll.poll_due(now=now),
    "figures": lambda now: counting.count_unheard(now=now),
    "self_check": lambda now: self_check.check_when_due(now=now),
}


def run_all(*, now: datetime) -> dict[str, int]:
    """Runs every sweeper once; how many rows each handled. One that failed is logged and missing
    from the answer; the others run all the same."""
    handled: dict[str, int] = {}
    for name, sweeper in SWEEPERS.items():
        try:
            handled[name] = sweeper(now)
            _beat(name, now)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other sweepers run
            why = pipeline.without_values(error)
            logger.error("sweep.failed sweeper=%s error=%s", name, why)
    # One that an older version had would look stopped for ever.
    Heartbeat.objects.exclude(name__in=SWEEPERS).delete()
    return handled


def _beat(name: str, now: datetime) -> None:
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=name, at=now)],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["at"],
    )
