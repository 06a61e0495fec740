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
from django.utils.translation import gettext as _

from crm.models import Team, User
from crm.roles import Role
from qualification.choices import NoticeKind
from qualification.models import ReviewItem
from qualification.notices.tell import Told, managers_of, tell_all
from qualification.review.items import log_events

logger = logging.getLogger(__name__)


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
    """Alerts about those of these items that are held: an event each, one line in the log, and the
    managers of their teams are told."""
    held = ReviewItem.objects.filter(pk__in=item_ids).exclude(hold_reason="").order_by("pk")
    of_reason: dict[str, list[int]] = defaultdict(list)
    of_team: dict[int, list[ReviewItem]] = defaultdict(list)
    for item in held.only("pk", "hold_reason", "team", "lead"):
        of_reason[item.hold_reason].append(item.pk)
        of_team[item.team_id].append(item)
    for reason, ids in of_reason.items():
        log_events(item_ids=ids, verb="item:held", by=None, now=now, note=reason)
        logger.warning("queue.held items=%s", len(ids))
    for team_id, items in of_team.items():
        _tell_managers(team_id, items, now=now)


def _tell_managers(team_id: int, items: Sequence[ReviewItem], *, now: datetime) -> None:
    """One notice about the leads of a team that are held from now on."""
    first = items[0]
    key = f"item:{first.pk}:held:{now:%Y%m%dT%H%M%S.%f}"
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
        report_held(newly, now=now)
    if freed_ids:
        ReviewItem.objects.filter(pk__in=freed_ids).update(hold_reason="")
    return len(newly) + len(freed_ids)
