"""Which waiting leads nobody may work: marked, reported, and unmarked when somebody can.

Called by the queue when leads enter and by the sweep. Leads that routing keeps for a pool are held
by `routed`, with a reason of their own.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from crm.models import Team, User
from crm.roles import Role
from qualification.choices import NoticeKind
from qualification.models import ItemEvent, ReviewItem
from qualification.notices.tell import Told, managers_of, tell_all
from qualification.review.items import log_events, news_key
from qualification.sla.faces import open_teams

logger = logging.getLogger(__name__)

HELD, TILL_OPEN = "item:held", "item:held_till_open"


def hold_text() -> str:
    """What an item says while nobody may work it."""
    return _("Nobody in the team can work it")


def teams_without_reviewer() -> set[int]:
    """Teams whose leads nobody may work: no active SDR in them. Any SDR works the fallback team."""
    sdrs = User.objects.filter(is_active=True, groups__name=Role.SDR)
    staffed = set(sdrs.values_list("team_id", flat=True))
    teams = Team.objects.values_list("pk", "is_fallback")
    return {pk for pk, is_fallback in teams if not (staffed if is_fallback else pk in staffed)}


def report_held(item_ids: Collection[int], *, now: datetime) -> None:
    """Says of those of these items that are held that they are.

    In the hours of their team that is an alert: an event each, one line in the log, and the
    managers of the team are told. Outside of them it is an event: nobody could do anything, and no
    clock runs; `unreported` finds what is still held at the opening.
    """
    rows = ReviewItem.objects.filter(pk__in=item_ids).exclude(hold_reason="").order_by("pk")
    held = list(rows.only("pk", "hold_reason", "team", "lead"))
    if not held:
        return
    opened = open_teams(now=now)
    _log_held([item for item in held if item.team_id not in opened], TILL_OPEN, now=now)
    alerting = [item for item in held if item.team_id in opened]
    _log_held(alerting, HELD, now=now)
    of_team: dict[int, list[ReviewItem]] = defaultdict(list)
    for item in alerting:
        of_team[item.team_id].append(item)
    for team_id, items in of_team.items():
        logger.warning("queue.held items=%s", len(items))
        _tell_managers(team_id, items, now=now)


def _log_held(items: Sequence[ReviewItem], verb: str, *, now: datetime) -> None:
    of_reason: dict[str, list[int]] = defaultdict(list)
    for item in items:
        of_reason[item.hold_reason].append(item.pk)
    for reason, ids in of_reason.items():
        log_events(item_ids=ids, verb=verb, by=None, now=now, note=reason)


def unreported(items: QuerySet[ReviewItem], *, now: datetime) -> list[int]:
    """Those of these items that are held since their team was closed, and it is open now."""
    events = ItemEvent.objects.filter(item=OuterRef("pk"), verb__in=[HELD, TILL_OPEN])
    held = items.exclude(hold_reason="").filter(team__in=open_teams(now=now))
    newest = Subquery(events.order_by("-pk").values("verb")[:1])
    found = held.annotate(said=newest).filter(said=TILL_OPEN)
    return list(found.values_list("pk", flat=True))


def _tell_managers(team_id: int, items: Sequence[ReviewItem], *, now: datetime) -> None:
    """One notice about the leads of a team that are held from now on."""
    first = items[0]
    key = news_key(first.pk, "held", at=now)
    lead_id, words = (
        (first.lead_id, {"reason": first.hold_reason})
        if len(items) == 1
        else (None, {"n": str(len(items))})
    )
    tell_all(
        [
            Told(manager.pk, NoticeKind.LEADS_HELD, key, lead_id, words)
            for manager in managers_of(team_id)
        ],
        now=now,
    )


@transaction.atomic
def refresh_holds(*, now: datetime) -> int:
    """Marks waiting items nobody may work, and unmarks them when somebody can; how many changed."""
    held = teams_without_reviewer()
    of_teams = ReviewItem.objects.waiting().filter(assignee=None, pool=None)
    waiting = of_teams.select_for_update(no_key=True, skip_locked=True)
    newly = list(waiting.filter(team__in=held, hold_reason="").values_list("pk", flat=True))
    freed = waiting.exclude(team__in=held).exclude(hold_reason="")
    freed_ids = list(freed.values_list("pk", flat=True))
    if newly:
        ReviewItem.objects.filter(pk__in=newly).update(hold_reason=hold_text())
    report_held([*newly, *unreported(waiting, now=now)], now=now)
    if freed_ids:
        ReviewItem.objects.filter(pk__in=freed_ids).update(hold_reason="")
    return len(newly) + len(freed_ids)
