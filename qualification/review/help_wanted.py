"""An SDR asks a manager to accept although required answers are open. It is an event, no more.

Called by the accept dialog; the page of the lead shows it to those who may override.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from crm.models import User
from qualification.choices import NoticeKind
from qualification.models import ItemEvent, ReviewItem
from qualification.notices.tell import managers_of, tell
from qualification.permissions import Right
from qualification.review.guard import lock_item, require_right
from qualification.review.items import log_event, refuse_unless_holder

OVERRIDE_ASKED = "item:override-asked"


@transaction.atomic
def ask_manager(*, item: ReviewItem, by: User, note: str = "", now: datetime) -> None:
    """The holder's request, once per stay in the queue and person; the team's managers are told.

    Raises NotHolder, AlreadyDecided, PermissionDenied.
    """
    require_right(by, Right.WORK_QUEUE)
    locked = lock_item(item)
    refuse_unless_holder(locked, by=by, now=now)
    if ItemEvent.objects.filter(item=locked, verb=OVERRIDE_ASKED, by=by).exists():
        return
    log_event(item=locked, verb=OVERRIDE_ASKED, by=by, now=now, note=note.strip())
    tell(
        kind=NoticeKind.MANAGER_ASKED,
        people=managers_of(locked.team_id),
        key=f"item:{locked.pk}:asked:{by.pk}",
        lead=locked.lead,
        words={"by": str(by), "note": note.strip()},
        now=now,
    )


def request_on(item: ReviewItem) -> ItemEvent | None:
    """The latest request on this stay in the queue, with who asked."""
    asked = ItemEvent.objects.filter(item=item, verb=OVERRIDE_ASKED)
    return asked.select_related("by").first()
