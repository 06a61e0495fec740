"""The list of nurtured leads."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from qualification.permissions import Right, require
from qualification.review import sleeping


@require_GET
@require(Right.WORK_QUEUE)
def nurture_list(request: HttpRequest) -> HttpResponse:
    """Who wakes up when, the soonest first."""
    pages = Paginator(sleeping.sleeping_leads(request.user), sleeping.PAGE_LENGTH)
    page = pages.get_page(request.GET.get("page"))
    context = {
        "page": page,
        "count": pages.count,
        "today": timezone.localdate(),
        "newer_url": f"?page={page.previous_page_number()}" if page.has_previous() else "",
        "older_url": f"?page={page.next_page_number()}" if page.has_next() else "",
    }
    return render(request, "qualification/nurture_list.html", context)
