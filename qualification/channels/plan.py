"""Decides when the mail and the chat message of a notice leave: at once, at the next opening of the
reader's team, or together in a digest. Called by the sweep.

A notice is planned and its messages are posted in one transaction, so each is posted once.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db.models import QuerySet

from crm.models import Team, User
from qualification.channels.quiet import held_until
from qualification.choices import Channel, Digest
from qualification.models import Notice, NoticeSettings, WebhookTarget
from qualification.neighbours import do_due
from qualification.notices.preferences import Wishes, wishes_of
from qualification.outbox.post import Letter, post
from qualification.sla.calendars import Calendar
from qualification.sla.hours import hours_of_teams

NOTICE_MAIL = "notice-mail"
NOTICE_WEBHOOK = "notice-webhook"
PASS = 2000
# More than this many at once for one person come as one mail.
ONE_BY_ONE = 3


@dataclass(frozen=True)
class Reader:
    """A person with everything that decides how and when they hear of something."""

    user: User
    wishes: Wishes
    settings: NoticeSettings
    calendar: Calendar
    targets: tuple[int, ...]


def plan_due(*, now: datetime, limit: int = PASS) -> int:
    """Posts the messages of notices that are due, or puts them off; returns how many notices it
    looked at. Any number of sweepers may run it."""
    due = list(_due(now).values_list("pk", flat=True)[:limit])
    return do_due(due, partial(_plan_these, now=now), what="notice", batch=limit)


def _due(now: datetime) -> QuerySet[Notice]:
    return Notice.objects.filter(due_at__lte=now).order_by("due_at", "pk")


def _plan_these(notice_ids: Sequence[int], *, now: datetime) -> int:
    due = _due(now).filter(pk__in=notice_ids)
    taken = list(due.select_for_update(no_key=True, skip_locked=True))
    of_person: dict[int, list[Notice]] = defaultdict(list)
    for notice in taken:
        of_person[notice.person_id].append(notice)
    letters: list[Letter] = []
    for reader in _readers(list(of_person)):
        letters += _plan(reader, of_person.pop(reader.user.pk), now=now)
    # Whoever is left has gone since.
    _done([notice for notices in of_person.values() for notice in notices])
    post(letters)
    return len(taken)


def _readers(person_ids: Collection[int]) -> list[Reader]:
    users = list(User.objects.filter(pk__in=person_ids, is_active=True))
    ids = [user.pk for user in users]
    wishes = wishes_of(ids)
    chosen = {row.person_id: row for row in NoticeSettings.objects.filter(person__in=ids)}
    fallback = Team.objects.filter(is_fallback=True).values_list("pk", flat=True).first()
    team_of = {user.pk: user.team_id or fallback for user in users}
    hours = hours_of_teams({team for team in team_of.values() if team is not None})
    targets = list(WebhookTarget.objects.filter(is_active=True).values_list("pk", "team"))
    return [
        Reader(
            user=user,
            wishes=wishes[user.pk],
            settings=chosen.get(user.pk) or NoticeSettings(person=user),
            calendar=hours[team].calendar,
            targets=tuple(pk for pk, of_team in targets if of_team in (None, user.team_id)),
        )
        for user in users
        if (team := team_of[user.pk]) is not None
    ]


def _plan(reader: Reader, notices: list[Notice], *, now: datetime) -> list[Letter]:
    """What leaves now of these notices of one person; the rest is put off."""
    until = held_until(reader.calendar, digest=Digest(reader.settings.digest), now=now)
    if reader.settings.is_quiet and until is not None:
        ids = [notice.pk for notice in notices]
        Notice.objects.filter(pk__in=ids).update(due_at=until, was_held_back=True)
        return []
    _done(notices)
    return [*_mails(reader, notices, now=now), *_chats(reader, notices, now=now)]


def _done(notices: Sequence[Notice]) -> None:
    Notice.objects.filter(pk__in=[notice.pk for notice in notices]).update(due_at=None)


def _mails(reader: Reader, notices: Sequence[Notice], *, now: datetime) -> list[Letter]:
    """What was held back and read in LeadQual meanwhile needs no mail."""
    wanted = [
        notice
        for notice in notices
        if reader.wishes.wants(notice.kind, Channel.MAIL)
        and not (notice.was_held_back and notice.read_at)
    ]
    has_digest = reader.settings.digest != Digest.NONE
    together = [notice for notice in wanted if has_digest and notice.was_held_back]
    alone = [notice for notice in wanted if notice not in together]
    if len(alone) > ONE_BY_ONE:
        together, alone = together + alone, []
    groups = [[notice] for notice in alone] + ([together] if together else [])
    return [_mail(group, now=now) for group in groups]


def _mail(group: Sequence[Notice], *, now: datetime) -> Letter:
    ids = [notice.pk for notice in group]
    name = f"notice:{ids[0]}" if len(ids) == 1 else f"digest:{_short(ids)}"
    return Letter(key=f"{name}:mail", kind=NOTICE_MAIL, payload={"notices": ids}, not_before=now)


def _chats(reader: Reader, notices: Sequence[Notice], *, now: datetime) -> list[Letter]:
    """One message for each chat tool; its key is that of the fact, so that a tool is told once
    however many people have it told."""
    return [
        Letter(
            key=f"webhook:{target}:{_short([notice.kind, notice.key])}",
            kind=NOTICE_WEBHOOK,
            payload={"notice": notice.pk, "target": target},
            not_before=now,
            lane=f"webhook:{target}",
        )
        for notice in notices
        if reader.wishes.wants(notice.kind, Channel.WEBHOOK)
        for target in reader.targets
    ]


def _short(parts: Sequence[object]) -> str:
    """The same parts give the same letters; they fit into a key however many there are."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:32]
