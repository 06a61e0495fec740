"""The list of rejected leads."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from qualification.filters import RejectedFilter
from qualification.permissions import Right, require
from qualification.review import rejected
from qualification.views.fetch import reader_of
from qualification.views.replies import is_htmx

PLACE = ("before", "after")


@require_GET
@require(Right.AUDIT)
def rejected_list(request: HttpRequest) -> HttpResponse:
    """Rejections in the reader's sight, narrowed by the filters in the URL."""
    filters = RejectedFilter(
        request.GET, queryset=rejected.rejections(request.user), reader=reader_of(request)
    )
    found = filters.qs if filters.is_valid() else filters.queryset.none()
    page = rejected.rejected_page(
        found, before=_number(request, "before"), after=_number(request, "after")
    )
    context = {
        "filters": filters,
        "page": page,
        "count": found.count(),
        "newer_url": _url(request, "after", page.newer),
        "older_url": _url(request, "before", page.older),
    }
    template = "_rejected_body.html" if is_htmx(request) else "rejected_list.html"
    return render(request, f"qualification/{template}", context)


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _url(request: HttpRequest, name: str, pk: int | None) -> str:
    """The same filters, at another place; blank at the end of the list."""
    if pk is None:
        return ""
    query = request.GET.copy()
    for other in PLACE:
        query.pop(other, None)
    query[name] = str(pk)
    return f"?{query.urlencode()}"
