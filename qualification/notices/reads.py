"""Decides what a person sees of what they were told: the list, the bell, one notice in words.

What a notice says of a lead depends on whether the reader may see it now. Also the only place that
marks notices as read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.urls import reverse

from crm.models import Lead, User
from qualification.models import Notice
from qualification.notices.wording import OUT_OF_SIGHT, WORDINGS, detail_of, sentence_of

# The bell counts up to this; more is “many”.
COUNTED = 100


@dataclass(frozen=True)
class Shown:
    """A notice in words. `url` is the page it opens, blank when there is none for this reader."""

    notice: Notice
    sentence: str
    detail: str
    url: str
    is_in_sight: bool


def notices_of(person: User | AnonymousUser) -> QuerySet[Notice]:
    """What this person was told in LeadQual, the newest first."""
    return Notice.objects.filter(person_id=person.pk, is_in_app=True).order_by("-at", "-id")


def unread_of(person: User | AnonymousUser) -> QuerySet[Notice]:
    """Those of them that are unread, `COUNTED` at most, in no order."""
    return notices_of(person).filter(read_at=None).order_by()[:COUNTED]


def unread_count(person: User | AnonymousUser) -> int:
    """How many of them are unread, up to `COUNTED`."""
    return unread_of(person).count() if person.is_authenticated else 0


def shown_to(reader: User, notices: Sequence[Notice]) -> list[Shown]:
    """These notices as this person may read them now, in one query."""
    wanted = {notice.lead_id for notice in notices if notice.lead_id is not None}
    leads = Lead.objects.visible_to(reader).in_bulk(list(wanted)) if wanted else {}
    return [_shown(notice, leads) for notice in notices]


def url_of(notice: Notice) -> str:
    """The page a notice opens; blank when it opens none."""
    if notice.lead_id is not None:
        return reverse("qualification:lead-detail", args=[notice.lead_id])
    page = WORDINGS[notice.kind].page
    return reverse(page) if page else ""


def mark_read(*, notice: Notice, now: datetime) -> None:
    """The person has read it; the first time counts."""
    Notice.objects.filter(pk=notice.pk, read_at=None).update(read_at=now)


def mark_all_read(*, person: User, up_to: int, now: datetime) -> int:
    """The person has read everything up to the notice with this id, the newest they saw; what came
    meanwhile stays unread. Returns how many."""
    unread = Notice.objects.filter(person=person, is_in_app=True, read_at=None)
    return unread.filter(pk__lte=up_to).update(read_at=now)


def _shown(notice: Notice, leads: dict[int, Lead]) -> Shown:
    is_about_lead = notice.lead_id is not None
    lead = leads.get(notice.lead_id) if notice.lead_id is not None else None
    if is_about_lead and lead is None:
        return Shown(notice, str(OUT_OF_SIGHT), "", "", is_in_sight=False)
    return Shown(
        notice=notice,
        sentence=sentence_of(notice.kind, notice.words, lead=None if lead is None else lead.name),
        detail=detail_of(notice.kind, notice.words, is_about_lead=is_about_lead),
        url=url_of(notice),
        is_in_sight=True,
    )
