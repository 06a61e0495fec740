"""Saved views of the queue: keep the filters of the page, change one, remove it, count them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from qualification.exceptions import FiltersNotKept, ViewNameTaken, ViewTooMany
from qualification.filters import QueueFilter
from qualification.forms import SavedViewForm
from qualification.models import SavedView
from qualification.permissions import Right, require
from qualification.review import counts, pages, saved_views
from qualification.views.dialogs import done, show_dialog
from qualification.views.fetch import reader_of
from qualification.views.queue import filters_of

# What an index narrows; words and segments would read the whole queue for a number.
COUNTED = frozenset({"tier", "source", "sla", "owner"})


@require_http_methods(["GET", "POST"])
@require(Right.WORK_QUEUE)
def view_new(request: HttpRequest) -> HttpResponse:
    """The dialog that names the filters in its URL, and keeping them."""
    query = _checked_query(request)
    form = SavedViewForm(request.POST or None, may_share=saved_views.may_share(reader_of(request)))
    context = {"form": form, "query": query, "title": _("Save this view")}
    if request.method == "GET" or not form.is_valid():
        return show_dialog(request, "_view_dialog.html", context, status=_status(form))
    try:
        view = saved_views.save_view(
            by=reader_of(request), query=query, now=timezone.now(), **form.cleaned_data
        )
    except (ViewNameTaken, ViewTooMany) as refused:
        form.add_error("name", str(refused))
        return show_dialog(request, "_view_dialog.html", context, status=refused.status)
    return done(request, url_of(view), _("View %(name)s is kept.") % {"name": view})


@require_http_methods(["GET", "POST"])
@require(Right.WORK_QUEUE)
def view_change(request: HttpRequest, pk: int) -> HttpResponse:
    """The dialog to rename a view, make it the default or share it, and doing it."""
    view = _own_or_404(request, pk)
    started = {"name": view.name, "is_default": view.is_default, "is_shared": view.team_id}
    form = SavedViewForm(
        request.POST or None,
        initial=started,
        may_share=saved_views.may_share(reader_of(request)),
    )
    context = {"form": form, "view": view, "title": _("Change %(name)s") % {"name": view}}
    if request.method == "GET" or not form.is_valid():
        return show_dialog(request, "_view_dialog.html", context, status=_status(form))
    try:
        saved_views.change_view(view=view, by=reader_of(request), **form.cleaned_data)
    except ViewNameTaken as refused:
        form.add_error("name", str(refused))
        return show_dialog(request, "_view_dialog.html", context, status=refused.status)
    return done(request, url_of(view), _("Saved."))


@require_POST
@require(Right.WORK_QUEUE)
def view_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Removes one's own view."""
    view = _own_or_404(request, pk)
    saved_views.delete_view(view=view, by=reader_of(request))
    messages.success(request, _("View %(name)s is removed.") % {"name": view})
    return redirect(f"{reverse('qualification:queue')}?view=all")


@require_GET
@require(Right.WORK_QUEUE)
def view_counts(request: HttpRequest) -> HttpResponse:
    """How many leads are in each view, up to the cap; for those an index answers."""
    reader = reader_of(request)
    found = {view: _count(request, view) for view in saved_views.views_of(reader)}
    context = {"counts": {view.pk: n for view, n in found.items() if n is not None}.items()}
    return render(request, "qualification/_view_counts.html", context)


def _count(request: HttpRequest, view: SavedView) -> int | None:
    query = QueryDict(view.query)
    if not COUNTED.issuperset(query):
        return None
    reader = reader_of(request)
    items = pages.queue_items(reader)
    narrowed = QueueFilter(query, queryset=items, reader=reader, now=timezone.now())
    return narrowed.qs.order_by()[: counts.CAP].count() if narrowed.is_valid() else None


def _checked_query(request: HttpRequest) -> str:
    """The filters in the URL as one query string. Raises FiltersNotKept."""
    query = filters_of(request)
    reader = reader_of(request)
    items = pages.queue_items(reader)
    checked = QueueFilter(query, queryset=items, reader=reader, now=timezone.now())
    text = query.urlencode()
    longest = SavedView._meta.get_field("query").max_length or 0
    if not text or not checked.is_valid() or len(text) > longest:
        raise FiltersNotKept(_("Filter the queue first; the filters are what a view keeps."))
    return text


def _own_or_404(request: HttpRequest, pk: int) -> SavedView:
    return get_object_or_404(SavedView.objects.filter(owner=reader_of(request)), pk=pk)


def _status(form: Any) -> int:
    return 422 if form.is_bound else 200


def url_of(view: SavedView) -> str:
    """The queue as this view narrows it."""
    return f"{reverse('qualification:queue')}?{view.query}"
