"""Two leads that are one person: side by side, merged, and two again."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.models import Lead, LeadMerge
from qualification.permissions import Right, require
from qualification.review import merge, merge_page
from qualification.views.fetch import reader_of, visible_lead_or_404
from qualification.views.paging import number_of
from qualification.views.replies import lead_url


@require_GET
@require(Right.WORK_QUEUE)
def lead_compare(request: HttpRequest, pk: int, other: int) -> HttpResponse:
    """Both leads side by side, and the form that makes them one."""
    lead, second = _both(request, pk, other)
    page = merge_page.compare_page(lead, second, reader=reader_of(request), now=timezone.now())
    return render(request, "qualification/compare_page.html", {"page": page})


@require_POST
@require(Right.WORK_QUEUE)
def lead_merge(request: HttpRequest, pk: int) -> HttpResponse:
    """The lead named by `other` becomes part of this one, which takes the chosen values."""
    number = number_of(request.POST.get("other", ""))
    if number is None:
        raise Http404
    lead, second = _both(request, pk, number)
    reader, now = reader_of(request), timezone.now()
    page = merge_page.compare_page(lead, second, reader=reader, now=now)
    takes = merge_page.chosen_of(page.rows, request.POST.dict())
    made = merge.merge_lead(survivor=lead, loser=second, takes=takes, by=reader, now=now)
    messages.success(
        request,
        _("%(name)s is part of this lead now.") % {"name": second.name},
        extra_tags=f"undo:{reverse('qualification:merge-undo', args=[made.pk])}",
    )
    return redirect(lead_url(lead))


@require_POST
@require(Right.WORK_QUEUE)
def merge_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Two leads again."""
    found = LeadMerge.objects.filter(survivor__in=Lead.objects.visible_to(request.user))
    made = get_object_or_404(found.select_related("loser"), pk=pk)
    merge.undo_merge(merge=made, by=reader_of(request), now=timezone.now())
    messages.success(request, _("%(name)s is a lead of its own again.") % {"name": made.loser.name})
    return redirect(lead_url(made.survivor_id))


def _both(request: HttpRequest, pk: int, other: int) -> tuple[Lead, Lead]:
    if pk == other:
        raise Http404
    return visible_lead_or_404(request.user, pk), visible_lead_or_404(request.user, other)
