"""Tells people which leads they got. Called by routing's writer and by reassignment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from qualification.choices import NoticeKind
from qualification.notices.tell import Told, tell_all
from qualification.review.items import news_key, undo_time


def tell_assigned(given: Mapping[int, Sequence[tuple[int, int]]], *, now: datetime) -> None:
    """Tells each person of the (item, lead) they just got; several are one notice. Nothing leaves
    by mail or chat while whoever gave them can take it back."""
    told = [_told(person, got, now) for person, got in given.items() if got]
    tell_all(told, now=now, holds=undo_time())


def _told(person_id: int, got: Sequence[tuple[int, int]], now: datetime) -> Told:
    first_item, lead_id = got[0]
    key = news_key(first_item, "assigned", at=now)
    if len(got) == 1:
        return Told(person_id, NoticeKind.LEAD_ASSIGNED, key, lead_id)
    return Told(person_id, NoticeKind.LEAD_ASSIGNED, key, words={"n": str(len(got))})
