"""Decides who may get a lead right now, and says of everybody else why not.
Called by `assign`, inside its locks. Capacity counts what somebody has open, however it came.
Somebody is at work where their own hours and the calendar of the lead's team are both open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count

from crm.models import Team, User
from crm.roles import remember_roles, roles_of
from qualification.choices import ItemState
from qualification.models import Leave, ReviewItem, WorkProfile
from qualification.permissions import RIGHTS, Right
from qualification.sla.faces import open_teams
from qualification.zones import zone_named

# Why somebody was passed over; `why_text` has the words.
INACTIVE, ROLE, TEAM, AWAY, CLOSED, HOURS, FULL, SKILLS, GAVE_BACK, SHARED, RESERVED = (
    "inactive",
    "role",
    "team",
    "away",
    "closed",
    "hours",
    "full",
    "skills",
    "gave_back",
    "shared",
    "reserved",
)
# A lead that waits for somebody of whom this is true is given to somebody else.
GONE = frozenset({INACTIVE, ROLE, TEAM, AWAY})
# They come back by the clock alone.
OFF = frozenset({CLOSED, HOURS})
# Leads of the night are shared with those whose shift begins within this time.
OPENING = timedelta(hours=1)

WhyNot = dict[str, Any]


@dataclass
class Staff:
    """What is known of the people at one moment: profiles, leave, open load, by person; and which
    teams' calendars are open."""

    now: datetime
    people: Mapping[int, User]
    profiles: Mapping[int, WorkProfile]
    leaves: Mapping[int, Sequence[Leave]]
    open_teams: Collection[int]
    load: Counter[int] = field(default_factory=Counter)

    def why_not(self, person_id: int, *, team: Team, skills: Collection[str]) -> WhyNot:
        """The first reason why this person cannot get a lead of the team now; {} when they can."""
        return (
            self.why_gone(person_id, team=team)
            or self._why_off(person_id, team)
            or self._why_unfit(person_id, skills)
        )

    def holds_back(self, person_id: int) -> bool:
        """Whether the places they have left are kept for leads that nobody else can take."""
        profile = self.profiles.get(person_id)
        if profile is None or profile.capacity is None or not profile.reserved:
            return False
        return self.load[person_id] >= profile.capacity - profile.reserved

    def starts_soon(self, person_id: int, *, team: Team, skills: Collection[str]) -> bool:
        """Whether nothing but a shift that begins within `OPENING` keeps the lead from them."""
        if self._why_off(person_id, team).get("code") != HOURS:
            return False
        if self.why_gone(person_id, team=team) or self._why_unfit(person_id, skills):
            return False
        begins = next_shift(
            self.profiles[person_id], zone=self.people[person_id].time_zone, now=self.now
        )
        return begins is not None and begins - self.now <= OPENING

    def _why_off(self, person_id: int, team: Team) -> WhyNot:
        if team.pk not in self.open_teams:
            return {"code": CLOSED}
        profile, zone = self.profiles.get(person_id), self.people[person_id].time_zone
        if profile is None or is_at_work(profile, zone=zone, now=self.now):
            return {}
        return {"code": HOURS}

    def _why_unfit(self, person_id: int, skills: Collection[str]) -> WhyNot:
        profile = self.profiles.get(person_id)
        if lacks := sorted(set(skills) - set(profile.skills if profile else ())):
            return {"code": SKILLS, "lacks": lacks}
        if profile and profile.capacity is not None and self.load[person_id] >= profile.capacity:
            return {"code": FULL, "open": self.load[person_id], "capacity": profile.capacity}
        return {}

    def why_gone(self, person_id: int, *, team: Team) -> WhyNot:
        """Why this person does not work leads of the team at all these days; {} when they do."""
        person = self.people[person_id]
        if not person.is_active:
            return {"code": INACTIVE}
        if not any(Right.WORK_QUEUE in RIGHTS[role] for role in roles_of(person)):
            return {"code": ROLE}
        if person.team_id != team.pk and not team.is_fallback:
            return {"code": TEAM}
        today = self.now.astimezone(zone_named(person.time_zone)).date()
        for leave in self.leaves.get(person_id, ()):
            if leave.starts_on <= today <= leave.ends_on:
                return {"code": AWAY, "until": leave.ends_on.isoformat()}
        return {}


def staff_of(person_ids: Collection[int], *, now: datetime) -> Staff:
    """The people with everything that decides whether they may get a lead, in a fixed number of
    queries. Open load: what waits for them and what they hold."""
    people = User.objects.filter(pk__in=person_ids).prefetch_related("groups")
    profiles = WorkProfile.objects.filter(person__in=person_ids).prefetch_related("leaves")
    of_person = {profile.person_id: profile for profile in profiles}
    return Staff(
        now=now,
        people={person.pk: _with_roles(person) for person in people},
        profiles=of_person,
        leaves={pk: list(profile.leaves.all()) for pk, profile in of_person.items()},
        open_teams=open_teams(now=now),
        load=open_load(person_ids),
    )


def _with_roles(person: User) -> User:
    """The groups were fetched for all; without this `roles_of` would ask once for each."""
    remember_roles(person, [group.name for group in person.groups.all()])
    return person


def open_load(person_ids: Collection[int]) -> Counter[int]:
    """How many leads each has open: claimed, owned, or waiting for them."""
    held = ReviewItem.objects.filter(
        holder__in=person_ids, state__in=[ItemState.CLAIMED, ItemState.OWNED]
    )
    meant = ReviewItem.objects.waiting().filter(assignee__in=person_ids)
    load: Counter[int] = Counter()
    for rows, column in ((held, "holder"), (meant, "assignee")):
        counted = rows.order_by().values_list(column).annotate(n=Count("pk"))
        load.update(dict(counted))
    return load


def is_at_work(profile: WorkProfile, *, zone: str, now: datetime) -> bool:
    """Whether the wall clock of the person's zone is inside their hours, [from, to). The part of a
    night shift after midnight belongs to the day it began; without hours always."""
    if profile.works_from is None or profile.works_to is None:
        return True
    local = now.astimezone(zone_named(zone))
    at, day = local.time(), local.isoweekday()
    before = (local.date() - timedelta(days=1)).isoweekday()
    if profile.works_from < profile.works_to:
        return str(day) in profile.work_days and profile.works_from <= at < profile.works_to
    began_today = str(day) in profile.work_days and at >= profile.works_from
    began_before = str(before) in profile.work_days and at < profile.works_to
    return began_today or began_before


def next_shift(profile: WorkProfile, *, zone: str, now: datetime) -> datetime | None:
    """When the person's next shift begins, today or tomorrow by their own clock; None without."""
    if profile.works_from is None:
        return None
    info = zone_named(zone)
    today = now.astimezone(info).date()
    begins = [
        datetime.combine(day, profile.works_from, info)
        for day in (today, today + timedelta(days=1))
        if str(day.isoweekday()) in profile.work_days
    ]
    return next((at for at in begins if at > now), None)
