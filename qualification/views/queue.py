"""The queue: the ranked list, its pulse, the next lead; and My work."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from crm.models import Lead
from qualification.exceptions import ClaimLimitReached
from qualification.filters import QueueFilter
from qualification.models import ReviewItem, SavedView, ScoringModel
from qualification.permissions import Right, has_right, require
from qualification.review import bulk, counts, my_work, next_lead, pages, saved_views
from qualification.review.next_steps import TOUCHES
from qualification.review.score_lines import scale_of
from qualification.scoring.releases import unread_note
from qualification.scoring.versions import active_model
from qualification.sla.faces import faces_of
from qualification.toasts import add_toast
from qualification.views.fetch import reader_of
from qualification.views.replies import go_to, is_htmx, lead_url

MAX_KEY_DIGITS = 18
# Items that may have had their number before the page was drawn and been stored after.
IN_FLIGHT = 1000
FILTERS = ("q", "tier", "source", "sla", "segment", "owner")
# Segments beside the tabs of owners; the menu has them all.
SEGMENT_TABS = 4
TABS = (
    ("", gettext_lazy("All open"), "open"),
    ("nobody", gettext_lazy("Unclaimed"), "waiting"),
    ("me", gettext_lazy("Mine"), "mine"),
)


@require_GET
@require(Right.WORK_QUEUE)
def queue(request: HttpRequest) -> HttpResponse:
    """The ranked list; for htmx only its body, with the pieces around it out of band."""
    now = timezone.now()
    kept = saved_views.views_of(reader_of(request))
    is_body = is_htmx(request) and request.htmx.target == "queue-body"  # type: ignore[attr-defined]
    default = saved_views.default_of(reader_of(request), kept)
    if default is not None and not request.GET and not is_body:
        return redirect(f"{request.path}?{default.query}")
    context = _page_context(request, now, kept)
    if is_body:
        html = render_to_string("qualification/_queue_body.html", context, request=request)
        pieces = _pieces(request, context, ("summary", "tabs", "labels", "next"))
        response = HttpResponse(html + pieces)
        response["HX-Push-Url"] = _whole(_url(request, always=True, **_place(request)), default)
        return response
    return render(request, "qualification/queue_page.html", context)


def _page_context(request: HttpRequest, now: datetime, kept: list[SavedView]) -> dict[str, Any]:
    reader = reader_of(request)
    found, model = _filter(request, now), active_model()
    page = pages.queue_page(
        reader,
        found.qs if found.is_valid() else pages.queue_items(reader),
        now=now,
        model=model,
        after=request.GET.get("after", ""),
        before=request.GET.get("before", ""),
    )
    summary = counts.summary_of(reader, now=now)
    default = saved_views.default_of(reader, kept)
    return {
        **_frame(model, now),
        "page": page,
        "can_reassign": has_right(reader, Right.REASSIGN),
        "can_edit_scoring": has_right(reader, Right.EDIT_SCORING),
        "why_empty": "" if page.rows else pages.why_empty(reader, model),
        "bulk_most": bulk.MOST,
        "summary": summary,
        "claims": summary.claims,
        "filters": found,
        "tabs": _all_tabs(
            [*_tabs(request, summary, default), *_segment_tabs(request, found)],
            _view_tabs(request, kept),
        ),
        "save_url": _save_url(request, kept),
        "has_views": bool(kept),
        "whole_url": _whole(reverse("qualification:queue"), default),
        "newer_url": _url(request, before=page.newer),
        "older_url": _url(request, after=page.older),
        "request_url": _url(request, always=True),
        "pulse_url": _pulse_url(request, page.rows, now, newest=summary.newest),
        "release": unread_note(reader),
    }


def _frame(model: ScoringModel | None, now: datetime) -> dict[str, Any]:
    return {"now": now, "scale": scale_of(model)}


def _filter(request: HttpRequest, now: datetime) -> QueueFilter:
    reader = reader_of(request)
    return QueueFilter(request.GET, queryset=pages.queue_items(reader), reader=reader, now=now)


def _whole(url: str, default: SavedView | None) -> str:
    """The list without filters says so where it would open with the reader's own view."""
    return url if default is None or "?" in url else f"{url}?view=all"


def _tabs(
    request: HttpRequest, summary: counts.Summary, default: SavedView | None
) -> list[dict[str, Any]]:
    shown = request.GET.get("owner", "")
    is_whole = not request.GET.get("segment")
    return [
        {
            "url": _whole(_url(request, always=True, owner=value, segment=""), default),
            "label": label,
            "count": getattr(summary, count),
            "is_current": is_whole and shown == value,
        }
        for value, label, count in TABS
    ]


def _segment_tabs(request: HttpRequest, found: QueueFilter) -> list[dict[str, Any]]:
    """The first saved segments; not counted, that would read the whole queue for each."""
    shown = request.GET.get("segment", "")
    return [
        {
            "url": _url(request, always=True, owner="", segment=key),
            "label": name,
            "count": None,
            "is_current": shown == key,
        }
        for key, name in found.segments[:SEGMENT_TABS]
    ]


def _all_tabs(shared: list[dict[str, Any]], views: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every tab, one of them current: the reader's view says more than the tab it narrows."""
    if any(tab["is_current"] for tab in views):
        shared = [{**tab, "is_current": False} for tab in shared]
    return [*shared, *views]


def _view_tabs(request: HttpRequest, kept: Sequence[SavedView]) -> list[dict[str, Any]]:
    """The reader's own views and those of the team; their counts come by a request of their own."""
    shown = filters_of(request).urlencode()
    return [
        {
            "url": f"{reverse('qualification:queue')}?{view.query}",
            "label": view.name,
            "count": None,
            "is_current": shown == view.query,
            "view": view,
            "is_own": view.owner_id == reader_of(request).pk,
        }
        for view in kept
    ]


def _save_url(request: HttpRequest, kept: Sequence[SavedView]) -> str:
    """Where these filters can be kept; blank when there are none or they are a view already."""
    query = filters_of(request).urlencode()
    if not query or any(view.query == query for view in kept):
        return ""
    return f"{reverse('qualification:queue-view-new')}?{query}"


def filters_of(request: HttpRequest) -> QueryDict:
    """The filters of the request without cursors and empty values."""
    query = QueryDict(mutable=True)
    for name in FILTERS:
        if request.GET.get(name):
            query[name] = request.GET[name]
    return query


def _place(request: HttpRequest) -> dict[str, str]:
    """Where in the list the request stands."""
    return {name: request.GET[name] for name in ("after", "before") if request.GET.get(name)}


def _url(request: HttpRequest, *, always: bool = False, **place: str) -> str:
    """The list with these filters at another place; blank when there is no such place."""
    query = filters_of(request)
    for name, value in place.items():
        if not value and not always:
            return ""
        query[name] = value
        if not value:
            del query[name]
    path = reverse("qualification:queue")
    return f"{path}?{query.urlencode()}" if query else path


def _pulse_url(
    request: HttpRequest, rows: Sequence[pages.QueueRow], since: datetime, *, newest: int
) -> str:
    query = filters_of(request)
    query["newest"] = str(newest)
    query["rows"] = ",".join(mark_of(row) for row in rows)
    query["since"] = since.isoformat()
    return f"{reverse('qualification:queue-pulse')}?{query.urlencode()}"


def _pieces(request: HttpRequest, context: dict[str, Any], names: tuple[str, ...]) -> str:
    drawn = {**context, "oob": True}
    return "".join(
        render_to_string(f"qualification/_queue_{name}.html", drawn, request=request)
        for name in names
    )


@require_GET
@require(Right.WORK_QUEUE)
def queue_pulse(request: HttpRequest) -> HttpResponse:
    """What changed since the page was drawn: clocks, owners, counts; never the order of rows."""
    reader, now, model = reader_of(request), timezone.now(), active_model()
    since = _since(request.GET.get("since", ""), now)
    newest = _number(request.GET.get("newest", ""))
    marks = dict(_marks(request.GET.get("rows", "")))
    items = _items(request, marks)
    faces = faces_of(items, now=now)
    rows = [pages.row_of(item, reader, face=faces.get(item.pk)) for item in items]
    summary = counts.summary_of(reader, now=now)
    context = {
        **_frame(model, now),
        "summary": summary,
        "claims": summary.claims,
        "filters": _filter(request, now),
        "arrived": _arrived(request, since, newest, now),
        "request_url": _url(request, always=True),
        "pulse_url": _pulse_url(request, rows, since, newest=newest),
    }
    html: str = render_to_string("qualification/_queue_pulse.html", context, request=request)
    for row in rows:
        if mark_of(row) != marks.get(row.item.pk):
            html += _cells(request, context, row)
    return HttpResponse(html + _pieces(request, context, ("summary", "claims", "next")))


def _cells(request: HttpRequest, context: dict[str, Any], row: pages.QueueRow) -> str:
    """What changes in a row that stays where it is."""
    drawn = {**context, "row": row, "item": row.item, "oob": True}
    return "".join(
        render_to_string(f"qualification/_queue_{part}.html", drawn, request)
        for part in ("sla", "owner")
    )


def pieces_of_items(request: HttpRequest, lead_ids: Collection[int], *, now: datetime) -> str:
    """Clock and owner of these leads as they are now and the counts, out of band: no row moves."""
    reader, model = reader_of(request), active_model()
    newest = (
        ReviewItem.objects.filter(lead__in=lead_ids).order_by("lead_id", "-pk").distinct("lead_id")
    )
    items = _items(request, list(newest.values_list("pk", flat=True)))
    faces = faces_of(items, now=now)
    summary = counts.summary_of(reader, now=now)
    context = {
        **_frame(model, now),
        "summary": summary,
        "claims": summary.claims,
        "filters": {"data": {}},
    }
    rows = [pages.row_of(item, reader, face=faces.get(item.pk)) for item in items]
    cells = "".join(_cells(request, context, row) for row in rows)
    return cells + _pieces(request, context, ("claims", "next"))


def _since(text: str, now: datetime) -> datetime:
    """When the page was drawn; now if that cannot be read."""
    try:
        since = parse_datetime(text.replace(" ", "+")) or now
    except ValueError:  # well written, but no such day
        return now
    return since if timezone.is_aware(since) else now


def _number(text: str) -> int:
    """A number of ours in the URL; 0 for anything else."""
    return int(text) if text.isdecimal() and len(text) <= MAX_KEY_DIGITS else 0


def _arrived(request: HttpRequest, since: datetime, newest: int, now: datetime) -> int:
    """How many leads that fit the filters entered since the page was drawn, up to the cap.

    Items get their numbers as they enter: only those about and after the newest one of the page
    are looked at.
    """
    found = _filter(request, now)
    items = found.qs if found.is_valid() else pages.queue_items(reader_of(request))
    late = items.filter(pk__gt=newest - IN_FLIGHT, entered_at__gt=since)
    return late.order_by()[: counts.CAP].count()


def _marks(text: str) -> list[tuple[int, str]]:
    """(item, mark) of the rows on the page; what is not ours is left out."""
    marks = [mark for mark in text.split(",")[: pages.PAGE_LENGTH] if mark]
    numbers = [(mark.partition("-")[0], mark) for mark in marks]
    return [
        (int(number), mark)
        for number, mark in numbers
        if number.isdecimal() and len(number) <= MAX_KEY_DIGITS
    ]


def mark_of(row: pages.QueueRow) -> str:
    """Changes whenever the clock of a row does, its owner, whom routing chose, or its calendar
    opens or closes."""
    item = row.item
    is_closed = row.face is not None and row.face.opens_at is not None
    clock = f"{item.bucket}{item.state[0]}{'z' if is_closed else ''}"
    return f"{item.pk}-{item.token}-{clock}{item.assignee_id or ''}"


def _items(request: HttpRequest, pks: Collection[int]) -> list[ReviewItem]:
    """Items in sight with what a row shows, open or closed."""
    items = ReviewItem.objects.visible_to(request.user).filter(pk__in=pks)
    return list(pages.with_rows(items))


def row_response(request: HttpRequest, lead: Lead, *, status: int = 200) -> HttpResponse:
    """The row of a lead as it is now, with the counts that moved out of band."""
    reader, now, model = reader_of(request), timezone.now(), active_model()
    latest = ReviewItem.objects.filter(lead=lead).order_by("-pk").values_list("pk", flat=True)[:1]
    rows = pages.queue_rows(reader, _items(request, list(latest)), now=now, model=model)
    summary = counts.summary_of(reader, now=now)
    context = {
        **_frame(model, now),
        "row": rows[0] if rows else None,
        "summary": summary,
        "claims": summary.claims,
        "filters": {"data": {}},
    }
    html = render_to_string("qualification/_queue_row.html", context, request=request)
    pieces = _pieces(request, context, ("claims", "next"))
    return HttpResponse(html + pieces, status=status)


@require_POST
@require(Right.WORK_QUEUE)
def queue_next(request: HttpRequest) -> HttpResponse:
    """Claims the best waiting lead and opens it; a toast when there is none or no claim left."""
    try:
        item = next_lead.claim_next(by=reader_of(request), now=timezone.now())
        said = _("Queue clear. Nothing waits for you.")
    except ClaimLimitReached as limit:
        item, said = None, str(limit)
    if item is not None:
        return go_to(request, lead_url(item.lead_id))
    if is_htmx(request):
        return add_toast(HttpResponse(status=204), said)
    messages.info(request, said)
    return go_to(request, reverse("qualification:queue"))


@require_GET
@require(Right.WORK_QUEUE)
def my_work_page(request: HttpRequest) -> HttpResponse:
    """What the reader holds: claims, and owned leads by their next task."""
    reader, now = reader_of(request), timezone.now()
    summary = counts.summary_of(reader, now=now)
    context = {
        "work": my_work.my_work(reader, now=now),
        "touch_choices": TOUCHES,
        "claims": summary.claims,
        "summary": summary,
        "now": now,
    }
    return render(request, "qualification/my_work_page.html", context)
