"""Decides which of two leads stays when they are one person, who may say so, and for how long it
can be undone.

Called by the page that compares them. What a merge ends and brings back is in `merge_standing`, how
rows change hands in `crm/merging`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from crm.merging.merge import Pair, lock_pair, merge_leads, unmerge_leads, why_not_undone
from crm.models import Lead, LeadMerge, User
from crm.stages import Stage
from qualification.exceptions import NotMergeable
from qualification.models import Decision, ReviewItem
from qualification.permissions import Right, has_right
from qualification.review import guard, merge_answers, merge_news, merge_standing
from qualification.scoring.colleagues import reached
from qualification.scoring.rescore import mark_due

# Who waits or works for a person, the strongest last: the lead with less becomes part of the other.
PLACES: dict[str, int] = {
    Stage.NEW: 0,
    Stage.DISQUALIFIED: 0,
    Stage.LOST: 0,
    Stage.NURTURE: 1,
    Stage.MQL: 2,
    Stage.WORKING: 3,
    Stage.SQL: 4,
    Stage.OPPORTUNITY: 4,
    Stage.WON: 4,
}
WITH_AN_AE = PLACES[Stage.SQL]


@transaction.atomic
def merge_lead(
    *, survivor: Lead, loser: Lead, takes: Collection[str], by: User, now: datetime
) -> LeadMerge:
    """`loser` becomes part of `survivor`, which takes its values and answers of the keys in
    `takes`; the scores that follow are due.

    Raises PermissionDenied, NotMergeable.
    """
    guard.require_right(by, Right.WORK_QUEUE)
    if survivor.pk == loser.pk:
        raise NotMergeable(_("A lead cannot be merged into itself."))
    pair = lock_pair(survivor_id=survivor.pk, loser_id=loser.pk)
    items = _lock_items(pair)
    why = hindrance(pair, items=items, by=by, now=now)
    if why:
        raise NotMergeable(why)
    had = merge_news.hands_of(pair, items, now=now)
    ended = merge_standing.end_standing(pair.loser, items.get(pair.loser.pk), by=by, now=now)
    ended["answers"] = merge_answers.move_answers(pair, takes=takes, now=now)
    values = [key for key in takes if not key.startswith(merge_answers.ANSWER)]
    merge = merge_leads(pair=pair, takes=values, by=by, now=now, ended=ended)
    _facts_changed(pair, now=now)
    merge_news.tell_merged(merge, had, now=now)
    return merge


@transaction.atomic
def undo_merge(*, merge: LeadMerge, by: User, now: datetime) -> LeadMerge:
    """Two leads again, the merged one where it was, under its old clock; the scores that follow are
    due. Raises PermissionDenied, NotMergeable.
    """
    guard.require_right(by, Right.WORK_QUEUE)
    pair = lock_pair(survivor_id=merge.survivor_id, loser_id=merge.loser_id)
    items = _lock_items(pair)
    locked = LeadMerge.objects.select_for_update(no_key=True).get(pk=merge.pk)
    why = undo_hindrance(locked, pair, items=items, by=by, now=now)
    if why:
        raise NotMergeable(why)
    unmerge_leads(merge=locked, pair=pair, by=by, now=now)
    merge_answers.move_back(locked, pair)
    merge_standing.bring_back(locked, now=now)
    _facts_changed(pair, now=now)
    merge_news.tell_undone(locked, merge_news.hands_of(pair, _lock_items(pair), now=now), now=now)
    return locked


def undo_days() -> int:
    """For how many days a merge can be undone."""
    return int(settings.LEADQUAL["MERGE_UNDO_DAYS"])


def undo_until(merge: LeadMerge) -> datetime:
    """The moment from which the merge cannot be undone any more."""
    return merge.at + timedelta(days=undo_days())


def _lock_items(pair: Pair) -> dict[int, ReviewItem]:
    """The open items of both, locked after their leads, by lead."""
    ids = (pair.survivor.pk, pair.loser.pk)
    rows = ReviewItem.objects.open().filter(lead__in=ids).select_related("holder")
    locked = rows.select_for_update(no_key=True, of=("self",)).order_by("pk")
    return {item.lead_id: item for item in locked}


def _facts_changed(pair: Pair, *, now: datetime) -> None:
    """Both are due for a score, and a decision drawn before is refused by name: the page showed
    one of two."""
    ids = (pair.survivor.pk, pair.loser.pk)
    ReviewItem.objects.open().filter(lead=pair.survivor).update(token=F("token") + 1)
    standing = Lead.objects.standing().filter(pk__in=ids)
    mark_due(reached(list(standing.values_list("pk", flat=True))), now=now)


def hindrance(pair: Pair, *, items: dict[int, ReviewItem], by: User, now: datetime) -> str:
    """Why this person cannot merge these two this way round, in words; blank when they can. `items`
    are the open ones by lead."""
    survivor, loser = pair.survivor, pair.loser
    for lead in (survivor, loser):
        if lead.merged_into_id is not None:
            return guard.merged_sentence(lead, by, now)
        if lead.erased_at is not None:
            return _("The person of one of these leads was erased.")
    if not (guard.is_visible(survivor, by) and guard.is_visible(loser, by)):
        return _("The other lead exists in another team. Ask a manager of both.")
    return why_not_this_way(pair, items=items) or _hands(items, by=by, now=now)


def why_not_this_way(pair: Pair, *, items: dict[int, ReviewItem]) -> str:
    """Why the second of the pair cannot become part of the first, by where they stand."""
    mine, theirs = PLACES[pair.survivor.stage], PLACES[pair.loser.stage]
    names = {"name": pair.loser.name, "stage": pair.loser.get_stage_display().lower()}
    if theirs >= WITH_AN_AE:
        if mine >= WITH_AN_AE:
            return _("Both leads were handed to an AE: each has a deal of its own.")
        return _("%(name)s was handed to an AE (%(stage)s): keep that lead.") % names
    if theirs > mine:
        return _("%(name)s stands further (%(stage)s): keep that lead.") % names
    stays, goes = items.get(pair.survivor.pk), items.get(pair.loser.pk)
    both_wait = mine == theirs == PLACES[Stage.MQL]
    if both_wait and stays and goes and goes.due_at < stays.due_at:
        return _("%(name)s is due first: keep that lead, so that its clock runs on.") % names
    return ""


def _hands(items: dict[int, ReviewItem], *, by: User, now: datetime) -> str:
    """Whoever holds one of the two, unless a colleague holds the other; a manager always."""
    if has_right(by, Right.REASSIGN):
        return ""
    held = [item for item in items.values() if item.holder_id and not guard.has_lapsed(item, now)]
    others = [item for item in held if item.holder_id != by.pk]
    if others:
        return guard.holder_sentence(others[0], by, now) + " " + _("Ask a manager.")
    return "" if held else _("Claim one of the two first, or ask a manager.")


def undo_hindrance(
    merge: LeadMerge, pair: Pair, *, items: dict[int, ReviewItem], by: User, now: datetime
) -> str:
    """Why this person cannot undo the merge, in words; blank when they can."""
    if now >= undo_until(merge):
        return _("A merge can be undone for %(n)s days.") % {"n": undo_days()}
    if not (guard.is_visible(pair.survivor, by) and guard.is_visible(pair.loser, by)):
        return _("One of the two leads belongs to another team now.")
    why = why_not_undone(merge, pair)
    if why:
        return why
    decided = Decision.objects.standing().filter(lead=pair.survivor, at__gte=merge.at)
    decision = decided.select_related("by").order_by("-pk").first()
    if decision is not None:
        told = guard.decision_sentence(decision, by, now)
        return _("%(decided)s It was decided on both.") % {"decided": told}
    return "" if merge.by_id == by.pk else _hands(items, by=by, now=now)


def standing_merges(lead: Lead) -> list[LeadMerge]:
    """What was merged into this lead and stands, the newest first."""
    merges = LeadMerge.objects.standing().filter(survivor=lead)
    return list(merges.select_related("by", "loser").order_by("-pk"))


def items_of(leads: Collection[Lead]) -> dict[int, ReviewItem]:
    """The open items of these leads, by lead; for pages, which lock nothing."""
    rows = ReviewItem.objects.open().filter(lead__in=leads).select_related("holder")
    return {item.lead_id: item for item in rows}


def changes_since(lead_id: int, at: datetime) -> list[LeadMerge]:
    """Merges of a lead made or undone since `at`: what was frozen then speaks of other rows than
    stand under its name now. The newest first."""
    of_lead = LeadMerge.objects.filter(Q(survivor=lead_id) | Q(loser=lead_id))
    found = of_lead.select_related("survivor", "loser", "by", "undone_by").order_by("-pk")
    return [
        merge
        for merge in found
        if (merge.at > at and merge.undone_at is None)
        or (merge.at <= at and merge.undone_at is not None and merge.undone_at > at)
    ]
