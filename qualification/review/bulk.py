"""The same verb on many leads of the queue: each through its own door, in its own transaction.

Called by the views of the queue. One lead that cannot be had does not stop the next; what became
of each is told. There is no bulk decision: a rejection is made lead by lead. The hands each was in
before are kept, so that all of it can be taken back (`bulk_undo.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import OperationalError, transaction
from django.utils.translation import gettext as _

from crm.models import Lead, User
from qualification.choices import BulkVerb
from qualification.exceptions import Busy, ClaimTaken, QualificationError, is_held_elsewhere
from qualification.models import BulkStep, ReviewItem
from qualification.models.bulk import HANDS
from qualification.models.review import RANK
from qualification.review import guard
from qualification.review.claims import claim_item, reassign_item, release_from, release_item

# How many leads one verb takes at once.
MOST = 100

Door = Callable[[ReviewItem], ReviewItem]
# Lead → the token of its item as the reader saw it when they chose it; None where it was not said.
Chosen = Mapping[int, int | None]


@dataclass(frozen=True)
class Outcome:
    """What became of one lead: a `refusal`, and `taken_by` who was faster; or it was done, but for
    one that was so already and stays as it is."""

    lead: Lead
    refusal: str = ""
    taken_by: User | None = None
    was_so: bool = False

    @property
    def is_done(self) -> bool:
        """Whether anything changed: only that can be taken back."""
        return not (self.refusal or self.was_so)


@dataclass(frozen=True)
class Deed:
    """What somebody does to many leads at once. Rows of the same `key` are taken back together;
    `people` get or hold what is given, and are locked before the leads."""

    verb: BulkVerb
    key: UUID
    by: User
    at: datetime
    people: tuple[User, ...] = ()


def claim_leads(chosen: Chosen, *, by: User, key: UUID, now: datetime) -> list[Outcome]:
    """Claims them for the person, best first, up to the limit of claims."""
    deed = Deed(BulkVerb.CLAIM, key, by, now, (by,))
    return _each(chosen, deed, lambda item: claim_item(item=item, by=by, now=now))


def assign_leads(chosen: Chosen, *, to: User, by: User, key: UUID, now: datetime) -> list[Outcome]:
    """A manager gives them to somebody, but for those that somebody took since they were chosen."""
    return _each(
        chosen,
        Deed(BulkVerb.ASSIGN, key, by, now, (to,)),
        lambda item: reassign_item(
            item=item, to=to, by=by, token=chosen.get(item.lead_id), now=now
        ),
    )


def release_leads(
    chosen: Chosen, *, by: User, note: str, key: UUID, now: datetime
) -> list[Outcome]:
    """Gives them back to the queue: one's own, and as a manager what others hold (with words)."""

    def door(item: ReviewItem) -> ReviewItem:
        if item.holder_id == by.pk:
            return release_item(item=item, by=by, note=note, now=now)
        token = chosen.get(item.lead_id)
        return release_from(item=item, by=by, note=note, token=token, now=now)

    return _each(chosen, Deed(BulkVerb.RELEASE, key, by, now), door)


def _each(chosen: Chosen, deed: Deed, door: Door) -> list[Outcome]:
    """Takes the leads through the door in the order of the queue; those without an item last."""
    leads = Lead.objects.visible_to(deed.by).in_bulk(list(chosen))
    items = list(ReviewItem.objects.open().filter(lead__in=leads).order_by(*RANK))
    outcomes = [tried(leads[item.lead_id], partial(_through, door, item, deed)) for item in items]
    gone = sorted(leads.keys() - {item.lead_id for item in items})
    no_more = _("This lead is no longer in the queue.")
    return outcomes + [Outcome(leads[pk], no_more) for pk in gone]


@transaction.atomic
def _through(door: Door, item: ReviewItem, deed: Deed) -> bool:
    """The verb, and in the same transaction the hands the lead was in before it. False when it was
    in those hands already."""
    lock_people([person.pk for person in deed.people])
    was = guard.lock_item(item)
    before = {name: getattr(was, name) for name in HANDS}
    given = door(item)
    if given.token == was.token:
        return False
    BulkStep.objects.create(
        key=deed.key,
        verb=deed.verb,
        by=deed.by,
        at=deed.at,
        item=given,
        last_event=given.events.latest("pk"),
        token=given.token,
        **before,
    )
    return True


def lock_people(ids: Sequence[int]) -> None:
    """Locks whoever is about to get leads, before the leads: as every verb does."""
    people = User.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    list(people.values_list("pk"))


def tried(lead: Lead, deed: Callable[[], bool]) -> Outcome:
    """What became of one lead: what the rules refuse is told, not raised. The deed says whether it
    changed anything."""
    try:
        return Outcome(lead, was_so=not deed())
    except ClaimTaken as refused:
        return Outcome(lead, str(refused), taken_by=_holder_of(lead))
    except QualificationError as refused:
        return Outcome(lead, str(refused))
    except PermissionDenied:
        return Outcome(lead, _("Only managers of its team may do this."))
    except OperationalError as error:
        if not is_held_elsewhere(error):
            raise
        return Outcome(lead, str(Busy()))


def _holder_of(lead: Lead) -> User | None:
    """Who holds it by now; the refusal is of a moment ago, so it may be nobody again."""
    item = ReviewItem.objects.open().select_related("holder").filter(lead=lead).first()
    return item.holder if item else None


def takers(outcomes: Sequence[Outcome]) -> list[User]:
    """Those who were faster, each once, in the order of the leads."""
    found = {one.taken_by.pk: one.taken_by for one in outcomes if one.taken_by is not None}
    return list(found.values())
