"""Decides which of two values should stay where two leads are one person, and says why.

Called by the merge and its page. A person's word goes before a source's, then the newer value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db.models import Model, QuerySet

from crm.intake.changes import ATTRIBUTE, LeadRecord
from crm.intake.payload import LEAD_FIELDS
from crm.intake.statements import is_blank, same
from crm.models import Lead, LeadIdentity

ACCOUNT = "account"
# Whoever opted out stays so: nobody chooses.
NEVER_CHOSEN = "opted_out"
CHOSEN = (ACCOUNT, *(key for key in LEAD_FIELDS if key != NEVER_CHOSEN))
# How far back the age of a value is looked for.
MAX_EVENTS = 200


@dataclass(frozen=True)
class Side:
    """One lead's value: whether a person wrote it (no source stated it), the sources that stated
    it, and since when it stands as far as history is looked at."""

    value: Any
    is_human: bool
    sources: tuple[str, ...]
    since: datetime | None

    @property
    def is_blank(self) -> bool:
        """Whether it says nothing."""
        return is_blank(self.value)


@dataclass(frozen=True)
class Compared:
    """A key of two leads: what the one that stays says, and the one that is merged into it."""

    key: str
    mine: Side
    theirs: Side

    @property
    def differs(self) -> bool:
        """Whether there is a choice."""
        return not same(self.mine.value, self.theirs.value)

    @property
    def takes_theirs(self) -> bool:
        """What stays unless somebody chooses otherwise."""
        if self.theirs.is_blank or not self.differs:
            return False
        if self.mine.is_blank:
            return True
        if self.mine.is_human != self.theirs.is_human:
            return self.theirs.is_human
        if self.mine.since is None or self.theirs.since is None:
            return False
        return self.theirs.since > self.mine.since


def compare(survivor: Lead, loser: Lead) -> list[Compared]:
    """Every key either lead says something about, those of the lead first, then attributes."""
    names = sorted({*survivor.attributes, *loser.attributes})
    keys = [*CHOSEN, *(f"{ATTRIBUTE}{name}" for name in names)]
    mine, theirs = _sides(survivor, keys), _sides(loser, keys)
    found = [Compared(key, mine[key], theirs[key]) for key in keys]
    return [one for one in found if not (one.mine.is_blank and one.theirs.is_blank)]


def events_of(lead_id: int) -> QuerySet[Any]:
    """The history of a lead, newest first: rows with the columns it had."""
    model: Any = apps.get_model("crm", "LeadEvent")
    found: QuerySet[Any] = model.objects.filter(pgh_obj_id=lead_id).order_by("-pgh_id")
    return found


def value_of(row: Lead | Model, key: str) -> Any:
    """A value of a lead or of a row of its history."""
    if key == ACCOUNT:
        return row.account_id  # type: ignore[union-attr]
    return LeadRecord(row).read(key)  # type: ignore[arg-type]


def _sides(lead: Lead, keys: Iterable[str]) -> dict[str, Side]:
    stated = _stated(lead)
    events = list(events_of(lead.pk)[:MAX_EVENTS])
    return {key: _side(lead, key, stated.get(key, ()), events) for key in keys}


def _stated(lead: Lead) -> Mapping[str, list[tuple[str, Any]]]:
    """Who said what last, by key."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for identity in LeadIdentity.objects.filter(lead=lead).select_related("source"):
        for key, value in identity.imported.items():
            found.setdefault(key, []).append((str(identity.source), value))
    return found


def _side(lead: Lead, key: str, stated: Iterable[tuple[str, Any]], events: Iterable[Model]) -> Side:
    value = value_of(lead, key)
    sources = tuple(dict.fromkeys(source for source, said in stated if same(said, value)))
    since: datetime | None = None
    for event in events:
        if not same(value_of(event, key), value):
            break
        since = event.pgh_created_at  # type: ignore[attr-defined]
    # The company is matched, never written by hand.
    is_human = key != ACCOUNT and not sources and not is_blank(value)
    return Side(value=value, is_human=is_human, sources=sources, since=since)
