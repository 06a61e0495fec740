"""Says why a lead is with whom it is: every routing decision about it, who else was looked at, and
why each of them was passed over. Called by pages; reads what was written down, decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.models import Lead, User
from qualification.choices import AssignedBy
from qualification.models import Assignment, ItemEvent
from qualification.permissions import Right, has_right
from qualification.routing import eligibility
from qualification.routing.assign import Placement

SHOWN = 10
# A manager gave it to somebody, and took that back.
UNDONE = "item:undone"
MOVES = ("item:reassigned", UNDONE)

WORDS = {
    eligibility.INACTIVE: gettext_lazy("no longer works here"),
    eligibility.ROLE: gettext_lazy("does not work the queue"),
    eligibility.TEAM: gettext_lazy("is of another team"),
    eligibility.CLOSED: gettext_lazy("was outside the hours of the team"),
    eligibility.HOURS: gettext_lazy("was off shift"),
    eligibility.GAVE_BACK: gettext_lazy("gave it back"),
    eligibility.SHARED: gettext_lazy("had their part of the night’s leads"),
}
# The same with figures, as stored with the reason.
COUNTED = {
    eligibility.FULL: gettext_lazy("has %(open)s open of %(capacity)s"),
    eligibility.RESERVED: gettext_lazy("keeps the last %(kept)s for leads nobody else can take"),
}


@dataclass(frozen=True)
class Looked:
    """Somebody looked at for the lead. `balance`: leads owed (+) or ahead (−) before it, of the
    pool; None for the owner of an account. `why_not` is blank for who could have had it."""

    person: User
    weight: int
    balance: float | None
    why_not: str
    is_chosen: bool


@dataclass(frozen=True)
class Turn:
    """One routing decision in words, and everybody looked at. `is_credited`: it was junk and does
    not count."""

    assignment: Assignment
    text: str
    looked: tuple[Looked, ...]
    is_credited: bool


@dataclass(frozen=True)
class Why:
    """The routing decisions about a lead, newest first; `moved` is the last hand-over by a manager,
    where it came after them."""

    turns: tuple[Turn, ...]
    moved: ItemEvent | None


def why_here(lead: Lead, *, reader: User | AnonymousUser) -> Why:
    """Everything routing wrote down about a lead in the reader's sight, in a fixed number of
    queries. Until when somebody is away is for managers."""
    rows = Assignment.objects.visible_to(reader).filter(lead=lead).order_by("-pk")
    found = list(rows.select_related("team", "pool", "person").prefetch_related("credits")[:SHOWN])
    people = User.objects.in_bulk({c["person"] for row in found for c in row.candidates})
    sees_all = has_right(reader, Right.REASSIGN)
    turns = tuple(
        Turn(
            assignment=row,
            text=told(row),
            looked=looked_at(row.candidates, people, row.person_id, sees_all=sees_all),
            is_credited=_is_credited(row),
        )
        for row in found
    )
    moves = ItemEvent.objects.filter(item__lead=lead, verb__in=MOVES).select_related("by")
    moved = moves.order_by("-pk").first()
    stands = moved is not None and moved.verb != UNDONE
    is_later = moved is not None and bool(found) and moved.at >= found[0].at
    return Why(turns, moved if stands and is_later else None)


def told(assignment: Assignment) -> str:
    """A routing decision as a sentence."""
    words = {
        "who": assignment.person or "",
        "pool": assignment.pool or "",
        "rule": assignment.rule_name,
        "team": assignment.team,
        "why": assignment.hold_reason,
    }
    sentence = _sentence(AssignedBy(assignment.how)) % words
    if assignment.held_since is None:
        return sentence
    return _("Held since %(since)s (%(reason)s), now %(change)s. %(decision)s") % {
        "since": date_format(timezone.localtime(assignment.held_since), "j M, H:i"),
        "reason": assignment.held_for,
        "change": assignment.get_freed_by_display(),
        "decision": sentence,
    }


def told_of(placement: Placement, people: Mapping[int, User]) -> str:
    """A trial as a sentence."""
    person_id = placement.person_id
    return _sentence(placement.how) % {
        "who": "" if person_id is None else people[person_id],
        "pool": placement.pool or "",
        "rule": placement.rule or "",
        "team": placement.team,
        "why": placement.hold_reason,
    }


def _sentence(how: AssignedBy) -> str:
    match how:
        case AssignedBy.TURN:
            return _("Rule “%(rule)s”, next in turn in “%(pool)s”: %(who)s.")
        case AssignedBy.OWNER:
            return _("Rule “%(rule)s”, owner of the account: %(who)s.")
        case AssignedBy.HELD:
            return _("Rule “%(rule)s”: %(why)s. It is held until somebody can.")
        case AssignedBy.TEAM:
            return _("Rule “%(rule)s”: anybody of %(team)s may take it.")
    return _("No rule fits this lead: it is in the fallback team, %(team)s.")


def looked_at(
    candidates: Iterable[Mapping[str, Any]],
    people: Mapping[int, User],
    chosen: int | None,
    *,
    sees_all: bool,
) -> tuple[Looked, ...]:
    """Candidates as stored, with their people and words."""
    return tuple(
        Looked(
            person=people[candidate["person"]],
            weight=candidate["weight"],
            balance=float(Fraction(candidate["balance"])) if candidate["weight"] else None,
            why_not=why_text(candidate["why_not"], sees_all=sees_all),
            is_chosen=candidate["person"] == chosen,
        )
        for candidate in candidates
    )


def why_text(why_not: Mapping[str, Any], *, sees_all: bool) -> str:
    """Why somebody was passed over, in words; blank when they could have had it."""
    match why_not.get("code"):
        case None:
            return ""
        case eligibility.AWAY:
            if not sees_all:
                return _("is away")
            until = date_format(date.fromisoformat(why_not["until"]), "j M Y")
            return _("is away until %(until)s") % {"until": until}
        case code if code in COUNTED:
            return str(COUNTED[code]) % why_not
        case eligibility.SKILLS:
            return _("lacks %(skills)s") % {"skills": ", ".join(why_not["lacks"])}
        case code:
            return str(WORDS[code])


def _is_credited(assignment: Assignment) -> bool:
    newest = max(assignment.credits.all(), key=lambda credit: credit.pk, default=None)
    return newest is not None and newest.is_given
