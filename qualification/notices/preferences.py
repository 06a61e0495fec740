"""Decides on which channels a person is told of a kind: their own choice, else the default.

The only writer of preferences. Called by `tell`, by `channels/plan.py` and by the preferences page.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db import transaction

from crm.models import User
from qualification.choices import Channel, Digest, NoticeKind
from qualification.models import NoticePreference, NoticeSettings
from qualification.permissions import Right, rights_of

# Chat is on where a team wants to see it together; it needs a target besides.
TOGETHER = frozenset({Channel.IN_APP, Channel.MAIL, Channel.WEBHOOK})
TO_ONESELF = frozenset({Channel.IN_APP, Channel.MAIL})
QUIETLY = frozenset({Channel.IN_APP})
NEVER: frozenset[Channel] = frozenset()

DEFAULTS: dict[str, frozenset[Channel]] = {
    NoticeKind.LEAD_ASSIGNED: QUIETLY,
    NoticeKind.SLA_WARNING: QUIETLY,
    NoticeKind.SLA_BREACH: TO_ONESELF,
    NoticeKind.SLA_ESCALATION: TOGETHER,
    NoticeKind.TASK_DUE: QUIETLY,
    NoticeKind.HANDOFF_RETURNED: TO_ONESELF,
    NoticeKind.HANDOFF_MOVED: QUIETLY,
    NoticeKind.LEAD_MERGED: QUIETLY,
    NoticeKind.MERGE_UNDONE: QUIETLY,
    NoticeKind.REJECTION_OVERTURNED: QUIETLY,
    NoticeKind.SOURCE_REJECTED: QUIETLY,
    NoticeKind.MANAGER_ASKED: TO_ONESELF,
    NoticeKind.LEADS_HELD: TOGETHER,
    NoticeKind.INVARIANT_VIOLATED: TOGETHER,
    NoticeKind.VERSION_PUBLISHED: NEVER,
    NoticeKind.ERASURE_ASKED: TO_ONESELF,
}
# Who is told of a kind at all: those with this right; of a kind that is missing here, everybody.
AUDIENCE: dict[str, Right] = {
    NoticeKind.LEAD_ASSIGNED: Right.WORK_QUEUE,
    NoticeKind.SLA_WARNING: Right.SEE_LEADS,
    NoticeKind.SLA_BREACH: Right.SEE_LEADS,
    NoticeKind.SLA_ESCALATION: Right.REASSIGN,
    NoticeKind.TASK_DUE: Right.WORK_QUEUE,
    NoticeKind.HANDOFF_RETURNED: Right.WORK_QUEUE,
    NoticeKind.HANDOFF_MOVED: Right.SEE_LEADS,
    NoticeKind.LEAD_MERGED: Right.SEE_LEADS,
    NoticeKind.MERGE_UNDONE: Right.SEE_LEADS,
    NoticeKind.REJECTION_OVERTURNED: Right.WORK_QUEUE,
    NoticeKind.SOURCE_REJECTED: Right.SEE_SOURCES,
    NoticeKind.MANAGER_ASKED: Right.OVERRIDE,
    NoticeKind.LEADS_HELD: Right.REASSIGN,
    NoticeKind.INVARIANT_VIOLATED: Right.REASSIGN,
    NoticeKind.VERSION_PUBLISHED: Right.WORK_QUEUE,
    NoticeKind.ERASURE_ASKED: Right.ERASE,
}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one person chose where it differs from the defaults, by (kind, channel)."""

    chosen: Mapping[tuple[str, str], bool]

    def wants(self, kind: str, channel: Channel) -> bool:
        """Whether this kind reaches the person on this channel."""
        return self.chosen.get((kind, channel), channel in DEFAULTS[kind])

    def channels(self, kind: str) -> frozenset[Channel]:
        """All channels on which this kind reaches the person."""
        return frozenset(channel for channel in Channel if self.wants(kind, channel))


def wishes_of(person_ids: Collection[int]) -> dict[int, Wishes]:
    """The wishes of these people, in one query."""
    chosen: dict[int, dict[tuple[str, str], bool]] = {pk: {} for pk in person_ids}
    rows = NoticePreference.objects.filter(person__in=chosen)
    for person, kind, channel, is_on in rows.values_list("person", "kind", "channel", "is_on"):
        chosen[person][kind, channel] = is_on
    return {pk: Wishes(of_person) for pk, of_person in chosen.items()}


def kinds_for(person: User) -> list[NoticeKind]:
    """The kinds somebody in these roles may ever be told of, for the page of preferences."""
    rights = rights_of(person)
    return [kind for kind in NoticeKind if AUDIENCE.get(kind, Right.USE) in rights]


def settings_of(person: User) -> NoticeSettings:
    """When mail and chat may reach this person; an unsaved row with the defaults if none."""
    found = NoticeSettings.objects.filter(person=person).first()
    return found or NoticeSettings(person=person)


@transaction.atomic
def choose(
    *, person: User, wanted: Collection[tuple[NoticeKind, Channel]], is_quiet: bool, digest: Digest
) -> None:
    """From now on exactly these kinds reach the person on these channels, at these times. Only
    what differs from the defaults is kept, so that a better default reaches whoever agreed."""
    NoticePreference.objects.filter(person=person).delete()
    NoticePreference.objects.bulk_create(
        NoticePreference(person=person, kind=kind, channel=channel, is_on=(kind, channel) in wanted)
        for kind in NoticeKind
        for channel in Channel
        if ((kind, channel) in wanted) != (channel in DEFAULTS[kind])
    )
    NoticeSettings.objects.update_or_create(
        person=person, defaults={"is_quiet": is_quiet, "digest": digest}
    )
