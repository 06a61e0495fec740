"""Verbs on who holds a lead: claim, release, keep, give to somebody."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.models import Lead
from qualification.exceptions import QualificationError
from qualification.forms import ReassignForm, ReleaseForm
from qualification.permissions import Right, require
from qualification.review import claims
from qualification.toasts import add_toast, refresh_lists
from qualification.views.fetch import open_item_of, reader_of, visible_lead_or_404
from qualification.views.lead import parts_response, with_discovery
from qualification.views.queue import row_response
from qualification.views.replies import go_to, is_htmx, lead_url


@require_POST
@require(Right.WORK_QUEUE)
def claim(request: HttpRequest, pk: int) -> HttpResponse:
    """Claims this lead. From the queue the row comes back, with 409 when somebody was faster."""
    lead = visible_lead_or_404(request.user, pk)
    now = timezone.now()
    try:
        claims.claim_item(item=open_item_of(lead), by=reader_of(request), now=now)
    except QualificationError as refused:
        if not is_row(request, lead):
            raise
        response = row_response(request, lead, status=refused.status)
        return add_toast(response, str(refused), kind="danger")
    if is_row(request, lead):
        return row_response(request, lead)
    if is_from_list(request):
        said = _("Claimed: %(name)s.") % {"name": lead.name}
        return refresh_lists(add_toast(HttpResponse(), said))
    if is_htmx(request):
        return with_discovery(request, lead)
    return redirect(lead_url(lead))


@require_POST
@require(Right.WORK_QUEUE)
def release(request: HttpRequest, pk: int) -> HttpResponse:
    """Gives the lead back to the queue: to its rank, under the old clock."""
    lead = visible_lead_or_404(request.user, pk)
    form = ReleaseForm(request.POST)
    note = form.cleaned_data["note"] if form.is_valid() else ""
    item = open_item_of(lead)
    claims.release_item(item=item, by=reader_of(request), note=note, now=timezone.now())
    said = _("Released: %(name)s waits in the queue again.") % {"name": lead.name}
    if is_row(request, lead):
        return add_toast(row_response(request, lead), said)
    if is_from_list(request):
        return refresh_lists(add_toast(HttpResponse(), said))
    messages.success(request, said)
    return go_to(request, reverse("qualification:queue"))


@require_POST
@require(Right.WORK_QUEUE)
def heartbeat(request: HttpRequest, pk: int) -> HttpResponse:
    """The page is open and visible: the lease runs on. Redraws the page when hands changed."""
    lead = visible_lead_or_404(request.user, pk)
    try:
        item = open_item_of(lead)
        item = claims.renew_lease(item=item, by=reader_of(request), now=timezone.now())
    except QualificationError as refused:
        return add_toast(with_discovery(request, lead), str(refused), kind="danger")
    if str(item.token) != request.POST.get("token", str(item.token)):
        return with_discovery(request, lead)
    return parts_response(request, lead, (), main="qualification/_lead_lease.html")


@require_POST
@require(Right.REASSIGN)
def reassign(request: HttpRequest, pk: int) -> HttpResponse:
    """A manager gives the lead to a colleague of its team."""
    lead = visible_lead_or_404(request.user, pk)
    form = ReassignForm(request.POST, lead=lead)
    if not form.is_valid():
        messages.error(request, _("Choose who gets the lead."))
        return redirect(lead_url(lead))
    item = open_item_of(lead)
    to = form.cleaned_data["to"]
    claims.reassign_item(item=item, to=to, by=reader_of(request), now=timezone.now())
    messages.success(request, _("Given to %(name)s.") % {"name": to})
    return redirect(lead_url(lead))


def is_from_list(request: HttpRequest) -> bool:
    """Whether the button stood in a list that fetches itself anew, as My work does."""
    return is_htmx(request) and request.POST.get("from") == "list"


def is_row(request: HttpRequest, lead: Lead) -> bool:
    """Whether the button stood in a row of the queue."""
    htmx = getattr(request, "htmx", None)
    return bool(htmx and htmx.target == f"lead-{lead.pk}")
