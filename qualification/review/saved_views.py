"""A person's own views of the queue: keep, change, remove, share with the team.

Called by views. The query string was checked by the filter of the queue before it comes here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from crm.models import Team, User
from qualification.exceptions import ViewNameTaken, ViewTooMany
from qualification.models import SavedView
from qualification.permissions import Right, has_right

# More tabs than this nobody reads.
MOST = 12
# Tabs shown: one's own first, then those of the team.
SHOWN = 2 * MOST


def views_of(reader: User) -> list[SavedView]:
    """What the reader has as tabs: their own, then what is shared with their team."""
    found = SavedView.objects.visible_to(reader).select_related("owner")
    return sorted(found[:SHOWN], key=lambda view: (view.owner_id != reader.pk, view.name.lower()))


def default_of(reader: User, views: Sequence[SavedView]) -> SavedView | None:
    """The one of these views that the reader's queue opens with."""
    return next((view for view in views if view.is_default and view.owner_id == reader.pk), None)


@transaction.atomic
def save_view(
    *, by: User, name: str, query: str, is_default: bool, is_shared: bool, now: datetime
) -> SavedView:
    """Keeps a filter as the person's view; as the default it takes the place of the one before.

    Raises ViewTooMany, ViewNameTaken, PermissionDenied (who may not share).
    """
    _lock(by)
    if SavedView.objects.filter(owner=by).count() >= MOST:
        raise ViewTooMany(_("You keep %(most)s views already. Remove one first.") % {"most": MOST})
    view = SavedView(owner=by, query=query, created_at=now)
    return _write(view, by=by, name=name, is_default=is_default, is_shared=is_shared)


@transaction.atomic
def change_view(
    *, view: SavedView, by: User, name: str, is_default: bool, is_shared: bool
) -> SavedView:
    """Its owner names it anew, makes it the default, shares it or no longer does.

    Raises ViewNameTaken, PermissionDenied.
    """
    _lock(by)
    if view.owner_id != by.pk:
        raise PermissionDenied
    return _write(view, by=by, name=name, is_default=is_default, is_shared=is_shared)


def delete_view(*, view: SavedView, by: User) -> None:
    """Its owner removes it, for everybody it was shared with. Raises PermissionDenied."""
    if view.owner_id != by.pk:
        raise PermissionDenied
    view.delete()


def may_share(user: User) -> bool:
    """Whether this person may show a view to their whole team."""
    return user.team_id is not None and has_right(user, Right.REASSIGN)


def _lock(person: User) -> None:
    """Two windows of one person do not pass the limit together."""
    User.objects.select_for_update(no_key=True).values_list("pk").get(pk=person.pk)


def _write(view: SavedView, *, by: User, name: str, is_default: bool, is_shared: bool) -> SavedView:
    team: Team | None = by.team if is_shared else None
    if team is not None and not may_share(by):
        raise PermissionDenied
    others = SavedView.objects.filter(owner=by).exclude(pk=view.pk)
    if others.filter(name__iexact=name).exists():
        raise ViewNameTaken(_("You have a view named %(name)s already.") % {"name": name})
    if is_default:
        others.filter(is_default=True).update(is_default=False)
    view.name, view.is_default, view.team = name, is_default, team
    view.save()
    return view
