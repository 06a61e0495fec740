"""Fetching with permission: one way to a lead and its item for every view of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from crm.models import Lead, User
from qualification.choices import ItemState
from qualification.exceptions import AlreadyDecided
from qualification.models import Decision, ReviewItem, Touch
from qualification.personal.requests import refuse_erased

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


def reader_of(request: HttpRequest) -> User:
    """The person who sent the request; views with a right have one."""
    return cast("User", request.user)


def visible_lead_or_404(user: User | AnonymousUser, pk: int, *, erased_too: bool = False) -> Lead:
    """The lead if this user may know of it; 404 as for an absent one otherwise. Raises LeadErased
    where its person was, but for the pages that say so (`erased_too`)."""
    leads = Lead.objects.visible_to(user).select_related("account", "team", "source", "score")
    lead = get_object_or_404(leads, pk=pk)
    if not erased_too:
        refuse_erased(lead)
    return lead


def visible_decision_or_404(user: User | AnonymousUser, pk: int) -> Decision:
    """The decision if its lead is in this user's sight."""
    decisions = Decision.objects.visible_to(user).select_related("lead", "item", "by", "reason")
    return get_object_or_404(decisions, pk=pk)


def visible_touch_or_404(user: User | AnonymousUser, pk: int) -> Touch:
    """The touch if its lead is in this user's sight."""
    touches = Touch.objects.visible_to(user).select_related("lead", "item", "by")
    return get_object_or_404(touches, pk=pk)


def open_item_of(lead: Lead) -> ReviewItem:
    """The open item of a lead; AlreadyDecided when it left the queue, 404 if it never was in."""
    item = newest_item_of(lead)
    if item.state == ItemState.CLOSED:
        raise AlreadyDecided(_("This lead is no longer in the queue. Open the next one."))
    return item


def newest_item_of(lead: Lead) -> ReviewItem:
    """The open item of a lead, else the one closed last; 404 if it never was in the queue.

    For forms: their door refuses a closed one by name, and the page keeps what was typed.
    """
    items = ReviewItem.objects.filter(lead=lead).select_related("holder", "framework")
    item = items.open().first() or items.order_by("-pk").first()
    if item is None:
        raise Http404
    item.lead = lead
    return item
