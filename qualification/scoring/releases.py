"""Decides what people are told when another version goes live, and who has read it.
Notes are written by versions only; pages read and acknowledge them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import Group
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.models import User
from crm.roles import Role, roles_of
from qualification.choices import NoticeKind
from qualification.models import ReleaseAck, ReleaseNote, ScoringModel
from qualification.notices.tell import tell
from qualification.scoring.diff import diff_of

# Who works with the scores every day and so must know.
READERS = (Role.SDR, Role.MANAGER)
MAX_TEXT = 2000


@dataclass(frozen=True)
class Reader:
    """Somebody who should read a note, and when they did."""

    user: User
    at: datetime | None


def write_note(
    *, model: ScoringModel, before: ScoringModel | None, text: str, by: User | None, now: datetime
) -> ReleaseNote:
    """What `model` going live in place of `before` changes, in words; readers who want
    to hear of it are told. Call in that transaction."""
    note = ReleaseNote.objects.create(
        model=model,
        before=before,
        text=text.strip()[:MAX_TEXT],
        changes=_changes(model, before),
        published_at=now,
        published_by=by,
    )
    tell(
        kind=NoticeKind.VERSION_PUBLISHED,
        people=_readers().exclude(pk=by.pk) if by else _readers(),
        key=f"release:{note.pk}",
        words={"version": str(model.version)},
        now=now,
    )
    return note


def acknowledge(*, note: ReleaseNote, by: User, now: datetime) -> ReleaseAck:
    """This person has read the note; the first time counts."""
    ack, _created = ReleaseAck.objects.get_or_create(note=note, user=by, defaults={"at": now})
    return ack


def unread_note(reader: User) -> ReleaseNote | None:
    """The newest note this person has not acknowledged; none from before they came.

    The person who published it has read it.
    """
    newest = _unread(reader).values_list("pk", flat=True).first()
    if newest is None:  # nearly always
        return None
    return ReleaseNote.objects.select_related("model", "before", "published_by").get(pk=newest)


def is_unread(note: ReleaseNote, *, reader: User) -> bool:
    """Whether this person still has to acknowledge the note."""
    return _unread(reader).filter(pk=note.pk).exists()


def readers_of(note: ReleaseNote, *, viewer: User) -> list[Reader]:
    """Who should read the note and when each did, the missing first; a manager sees their team."""
    read = dict(ReleaseAck.objects.filter(note=note).values_list("user_id", "at"))
    people = _readers().filter(Q(date_joined__lte=note.published_at) | Q(pk__in=read))
    if Role.ADMIN not in roles_of(viewer):
        people = people.filter(team=viewer.team_id)
    found = [Reader(user, read.get(user.pk)) for user in people if user.pk != note.published_by_id]
    return sorted(found, key=lambda reader: (reader.at is not None, reader.at or note.published_at))


def _unread(reader: User) -> QuerySet[ReleaseNote]:
    if not roles_of(reader) & set(READERS):
        return ReleaseNote.objects.none()
    notes = ReleaseNote.objects.filter(published_at__gte=reader.date_joined)
    read = ReleaseAck.objects.filter(user=reader).values("note")
    # Not `exclude`: the operator's notes have no publisher.
    by_others = Q(published_by=None) | ~Q(published_by=reader)
    return notes.exclude(pk__in=read).filter(by_others)


def _readers() -> QuerySet[User]:
    groups = Group.objects.filter(name__in=READERS)
    people = User.objects.filter(is_active=True, groups__in=groups).distinct()
    return people.select_related("team").order_by(F("first_name"), "last_name", "username")


def _changes(model: ScoringModel, before: ScoringModel | None) -> list[str]:
    if before is None:
        rules = model.rules.count()
        text = ngettext(
            "The first version, with %(n)s rule.", "The first version, with %(n)s rules.", rules
        )
        return [text % {"n": rules}]
    words: Iterable[str] = (change.words for change in diff_of(before, model))
    return list(words) or [_("Nothing in the rules differs.")]
