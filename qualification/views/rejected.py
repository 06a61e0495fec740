"""The list of rejected leads."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from qualification.filters import RejectedFilter
from qualification.permissions import Right, require
from qualification.review import rejected
from qualification.review.counts import CAP
from qualification.views.fetch import reader_of
from qualification.views.paging import number_in, url_at
from qualification.views.replies import is_htmx


@require_GET
@require(Right.AUDIT)
def rejected_list(request: HttpRequest) -> HttpResponse:
    """Rejections in the reader's sight, narrowed by the filters in the URL."""
    filters = RejectedFilter(
        request.GET, queryset=rejected.rejections(request.user), reader=reader_of(request)
    )
    found = filters.qs if filters.is_valid() else filters.queryset.none()
    page = rejected.rejected_page(
        found, before=number_in(request, "before"), after=number_in(request, "after")
    )
    context = {
        "filters": filters,
        "page": page,
        "tally": rejected.tally_of(found),
        "cap": CAP,
        "newer_url": url_at(request, "after", page.newer),
        "older_url": url_at(request, "before", page.older),
    }
    template = "_rejected_body.html" if is_htmx(request) else "rejected_list.html"
    return render(request, f"qualification/{template}", context)
