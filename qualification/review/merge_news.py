"""Tells whoever works on one of two leads that somebody else made them one, or two again.

Called by `merge.py`, under its locks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from crm.merging.merge import Pair
from crm.models import Lead, LeadMerge, User
from crm.stages import Stage
from qualification.choices import NoticeKind
from qualification.models import Handoff, Notice, ReviewItem
from qualification.notices.tell import Told, take_back, tell_all
from qualification.review import guard
from qualification.review.items import undo_time

WITH_AN_AE = frozenset({Stage.SQL, Stage.OPPORTUNITY, Stage.WON})
IN_HANDS = (Handoff.State.WAITING, Handoff.State.ACCEPTED)


def hands_of(pair: Pair, items: Mapping[int, ReviewItem], *, now: datetime) -> dict[User, Lead]:
    """Whoever holds one of the two, or has it as an AE, with their lead; with the one that goes, if
    they have both."""
    found: dict[User, Lead] = {}
    for lead in (pair.survivor, pair.loser):
        person = _person_with(lead, items.get(lead.pk), now=now)
        if person is not None:
            found[person] = lead
    return found


def _person_with(lead: Lead, item: ReviewItem | None, *, now: datetime) -> User | None:
    if item is not None:
        return None if guard.has_lapsed(item, now) else item.holder
    if lead.stage not in WITH_AN_AE:
        return None
    handoffs = Handoff.objects.filter(lead=lead, state__in=IN_HANDS).select_related("ae")
    newest = handoffs.order_by("-pk").first()
    return None if newest is None else newest.ae


def tell_merged(merge: LeadMerge, hands: Mapping[User, Lead], *, now: datetime) -> int:
    """Those who had one of them, but not who merged them; mail and chat wait for as long as a slip
    is undone at once. Returns how many are told."""
    told = [
        Told(
            person.pk,
            NoticeKind.LEAD_MERGED,
            _key(merge),
            # Their own lead opens the one that stays, which may be out of their sight.
            merge.survivor_id if guard.is_visible(merge.survivor, person) else None,
            {"by": str(merge.by)},
        )
        for person in hands
        if person.pk != merge.by_id
    ]
    return tell_all(told, now=now, holds=undo_time())


def tell_undone(merge: LeadMerge, hands: Mapping[User, Lead], *, now: datetime) -> int:
    """Those who were told of the merge, who have one of them now, and who merged them. After a slip
    nobody is: what they were told is taken back. Returns how many are told."""
    if now < merge.at + undo_time():
        take_back(key=_key(merge))
        return 0
    heard = Notice.objects.filter(key=_key(merge)).values_list("person", flat=True)
    leads = dict.fromkeys([*heard, merge.by_id], merge.loser_id)
    leads |= {person.pk: lead.pk for person, lead in hands.items()}
    key, words = f"{_key(merge)}:undone", {"by": str(merge.undone_by)}
    told = [
        Told(person, NoticeKind.MERGE_UNDONE, key, lead, words)
        for person, lead in leads.items()
        if person != merge.undone_by_id
    ]
    return tell_all(told, now=now)


def _key(merge: LeadMerge) -> str:
    return f"merge:{merge.pk}"
