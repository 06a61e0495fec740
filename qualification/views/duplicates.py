"""Leads that may be the same person: a fragment of the lead page, and the word that they are
not."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.models import Lead
from qualification.permissions import Right, has_right, require
from qualification.review import duplicates
from qualification.toasts import add_toast
from qualification.views.fetch import reader_of, visible_lead_or_404
from qualification.views.paging import number_of
from qualification.views.replies import is_htmx, lead_url

BANNER = "qualification/_lead_duplicates.html"


@require_GET
@require(Right.SEE_LEADS)
def lead_duplicates(request: HttpRequest, pk: int) -> HttpResponse:
    """The banner; empty when nobody looks like this lead."""
    return _draw(request, visible_lead_or_404(request.user, pk))


@require_POST
@require(Right.WORK_QUEUE)
def not_duplicate(request: HttpRequest, pk: int) -> HttpResponse:
    """The lead named by `other` is somebody else; the pair is not shown again."""
    lead = visible_lead_or_404(request.user, pk)
    number = number_of(request.POST.get("other", ""))
    if number is None or number == lead.pk:
        raise Http404
    other = visible_lead_or_404(request.user, number)
    duplicates.tell_apart(lead=lead, other=other, by=reader_of(request), now=timezone.now())
    said = _("Remembered: %(name)s is somebody else.") % {"name": other.name}
    if is_htmx(request):
        return add_toast(_draw(request, lead), said)
    messages.success(request, said)
    return redirect(lead_url(lead))


def _draw(request: HttpRequest, lead: Lead) -> HttpResponse:
    if lead.merged_into is not None:
        return render(request, BANNER, {"lead": lead, "part_of": lead.merged_into})
    found = duplicates.duplicates_of(lead, reader=reader_of(request), now=timezone.now())
    can_work = has_right(request.user, Right.WORK_QUEUE)
    return render(request, BANNER, {"lead": lead, "found": found, "can_work": can_work})
