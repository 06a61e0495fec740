"""Makes two leads one, and two again: the only writer of LeadMerge and of `Lead.merged_into`.

Called by `qualification/review/merge.py`, which decides who may and what a merge ends. What says
who the person is and what they did goes to the lead that stays; what we did about it stays with the
lead it was done on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from crm.clock import stamp_history
from crm.exceptions import MergeRefused
from crm.intake.changes import ATTRIBUTE, LeadRecord, update_leads
from crm.matching.locks import lock_keys
from crm.merging.compare import ACCOUNT, NEVER_CHOSEN, events_of, value_of
from crm.models import Activity, Lead, LeadIdentity, LeadMerge, LeadRole, User

# What is written for a key, where that is not one column of its name.
_COLUMNS = {
    ACCOUNT: ("account_id",),
    "company": ("company_name",),
    "email": ("email", "email_key", "email_kind"),
}


@dataclass(frozen=True)
class Pair:
    """Two locked leads: the one that stays and the other."""

    survivor: Lead
    loser: Lead


def lock_pair(*, survivor_id: int, loser_id: int) -> Pair:
    """Both leads, locked after everything they are recognised by, as the intake does it: a message
    of either waits, and then finds where it belongs. Needs a transaction."""
    ids = (survivor_id, loser_id)
    keys: list[str] = []
    for email, phone in Lead.objects.filter(pk__in=ids).values_list("email_key", "phone_key"):
        keys += [f"email:{email}"] if email else []
        keys += [f"phone:{phone}"] if phone else []
    known = LeadIdentity.objects.filter(lead__in=ids).values_list("source_id", "external_id")
    lock_keys([*keys, *(f"id:{source}:{external_id}" for source, external_id in known)])
    rows = Lead.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=ids)
    found = {lead.pk: lead for lead in rows.select_related("account").order_by("pk")}
    return Pair(found[survivor_id], found[loser_id])


@transaction.atomic
def merge_leads(
    *, pair: Pair, takes: Collection[str], by: User, now: datetime, ended: Mapping[str, Any]
) -> LeadMerge:
    """The survivor takes the other's values of the keys in `takes`, its identities, activities and
    parts in the purchase; `ended` is kept with the record for the caller's own undo.

    Under `lock_pair`. Raises MergeRefused when one of them is merged already.
    """
    survivor, loser = pair.survivor, pair.loser
    is_part = survivor.merged_into_id or loser.merged_into_id
    is_erased = survivor.erased_at or loser.erased_at
    if survivor.pk == loser.pk or is_part or is_erased:
        raise MergeRefused(_("One of these leads is merged already. Reload the page."))
    stamp_history(now)
    before = {"survivor": _newest_event(survivor), "loser": _newest_event(loser)}
    columns = _take(pair, takes, now)
    absorbed = Lead.objects.filter(merged_into=loser)
    ids = list(absorbed.values_list("pk", flat=True))
    absorbed.filter(pk__in=ids).update(merged_into=survivor, updated_at=now)
    for rows in (Activity.objects.filter(lead=loser), LeadIdentity.objects.filter(lead=loser)):
        rows.update(lead=survivor, came_by=Coalesce("came_by", Value(loser.pk)))
    return LeadMerge.objects.create(
        survivor=survivor,
        loser=loser,
        by=by,
        at=now,
        moved={
            **ended,
            "columns": columns,
            "before": before,
            "after": _newest_event(survivor),
            "absorbed": ids,
            "roles": _move_roles(pair),
        },
    )


def _newest_event(lead: Lead) -> int:
    return int(events_of(lead.pk).values_list("pgh_id", flat=True)[0])


def _take(pair: Pair, takes: Collection[str], now: datetime) -> list[str]:
    """Writes both rows; the keys whose value changed. The merged one keeps the address and the
    number the other gave up: both are still this person's."""
    survivor, loser = pair.survivor, pair.loser
    held = {survivor.pk: survivor.email_key}
    email_key, phone_key = survivor.email_key, survivor.phone_key
    changed = [key for key in sorted(takes) if _copy(pair, key)]
    if loser.opted_out and LeadRecord(survivor).write(NEVER_CHOSEN, loser.opted_out):
        changed.append(NEVER_CHOSEN)
    loser.merged_into = survivor
    is_readdressed = survivor.email_key != email_key
    loser_row = Lead.objects.filter(pk=loser.pk)
    loser_row.update(
        merged_into=survivor,
        updated_at=now,
        email_key=None if is_readdressed else loser.email_key,
    )
    survivor.updated_at = now
    update_leads([survivor], held=held)
    aliases: dict[str, str | None] = {}
    if is_readdressed:
        aliases["email_key"] = email_key
    if survivor.phone_key != phone_key and phone_key:
        aliases["phone_key"] = phone_key
    if aliases:
        loser_row.update(**aliases)
    return changed


def _copy(pair: Pair, key: str) -> bool:
    value = value_of(pair.loser, key)
    if key == ACCOUNT:
        is_other: bool = pair.survivor.account_id != value
        pair.survivor.account = pair.loser.account
        return is_other
    return LeadRecord(pair.survivor).write(key, value)


def _move_roles(pair: Pair) -> list[int]:
    """Parts in the purchase nobody named for the one that stays."""
    standing = LeadRole.objects.filter(ended_at=None)
    known = standing.filter(lead=pair.survivor).values("role")
    moving = standing.filter(lead=pair.loser).exclude(role__in=known)
    ids = list(moving.values_list("pk", flat=True))
    LeadRole.objects.filter(pk__in=ids).update(lead=pair.survivor)
    return ids


def why_not_undone(merge: LeadMerge, pair: Pair) -> str:
    """Why two rows cannot be had again from one as they were, in words; blank when they can."""
    if merge.undone_at is not None:
        return _("This merge was undone already.")
    if pair.survivor.erased_at is not None or pair.loser.erased_at is not None:
        return _("The person was erased since.")
    if pair.survivor.merged_into_id is not None:
        return _("The lead was merged into another one since. Undo that merge first.")
    if LeadMerge.objects.standing().filter(survivor=pair.survivor, pk__gt=merge.pk).exists():
        return _("Another lead was merged into this one since. Undo that merge first.")
    address = _before(merge, "loser").email_key
    taken = Lead.objects.filter(email_key=address).exclude(pk__in=(pair.survivor.pk, pair.loser.pk))
    if address and (taken.exists() or _keeps(merge, pair.survivor, address)):
        return _("The address of the merged lead is another lead’s by now.")
    return ""


def _keeps(merge: LeadMerge, survivor: Lead, address: str) -> bool:
    """Whether the one that stays goes on with the address of the other: it got it since."""
    return survivor.email_key == address and "email" not in merge.moved["columns"]


@transaction.atomic
def unmerge_leads(*, merge: LeadMerge, pair: Pair, by: User, now: datetime) -> LeadMerge:
    """Two leads again. A value that was changed since the merge stays as it is now; what came in
    since goes to the lead whose identity it came by.

    Under `lock_pair`. Raises MergeRefused.
    """
    why = why_not_undone(merge, pair)
    if why:
        raise MergeRefused(why)
    stamp_history(now)
    survivor, loser, moved = pair.survivor, pair.loser, merge.moved
    _write_back(merge, pair, now)
    Lead.objects.filter(pk__in=moved["absorbed"]).update(merged_into=loser, updated_at=now)
    theirs = [loser.pk, *moved["absorbed"]]
    for rows in (Activity.objects.all(), LeadIdentity.objects.all()):
        rows.filter(lead=survivor, came_by__in=theirs).update(lead=loser)
        rows.filter(lead=loser, came_by=loser).update(came_by=None)
    LeadRole.objects.filter(pk__in=moved["roles"], lead=survivor).update(lead=loser)
    merge.undone_by, merge.undone_at = by, now
    merge.save(update_fields=["undone_by", "undone_at"])
    return merge


def _before(merge: LeadMerge, which: str) -> Any:
    """The row of history a lead stood at when it was merged."""
    return events_of(getattr(merge, f"{which}_id")).get(pgh_id=merge.moved["before"][which])


def _write_back(merge: LeadMerge, pair: Pair, now: datetime) -> None:
    survivor, loser = pair.survivor, pair.loser
    before = _before(merge, "survivor")
    after = events_of(survivor.pk).get(pgh_id=merge.moved["after"])
    held = {survivor.pk: survivor.email_key}
    for key in merge.moved["columns"]:
        if value_of(survivor, key) != value_of(after, key):
            continue
        _restore(survivor, before, key)
    if (survivor.phone, survivor.country) == (before.phone, before.country):
        survivor.phone_key = before.phone_key
    was = _before(merge, "loser")
    row = Lead.objects.filter(pk=loser.pk)
    row.update(merged_into=None, email_key=None, updated_at=now)
    survivor.updated_at = now
    update_leads([survivor], held=held)
    row.update(email_key=was.email_key, phone_key=was.phone_key)
    loser.refresh_from_db()


def _restore(lead: Lead, before: Any, key: str) -> None:
    """The columns of a key as history has them: nothing is read anew."""
    if key.startswith(ATTRIBUTE):
        name = key.removeprefix(ATTRIBUTE)
        kept = {held: value for held, value in lead.attributes.items() if held != name}
        had = {name: before.attributes[name]} if name in before.attributes else {}
        lead.attributes = {**kept, **had}
        return
    for column in _COLUMNS.get(key, (key,)):
        setattr(lead, column, getattr(before, column))
