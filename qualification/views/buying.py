"""Verb on the buying committee: the holder says which part the lead plays, or takes it back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.models import BuyingRole, Lead
from qualification.forms import BuyingRoleForm
from qualification.permissions import Right, require
from qualification.review import buying
from qualification.toasts import add_toast
from qualification.views.fetch import open_item_of, reader_of, visible_lead_or_404
from qualification.views.lead import page_context
from qualification.views.replies import is_htmx, lead_url

COMMITTEE = "qualification/_lead_committee.html"


@require_POST
@require(Right.WORK_QUEUE)
def roles(request: HttpRequest, pk: int) -> HttpResponse:
    """Adds the role of the form, or ends the one named by `end`."""
    lead = visible_lead_or_404(request.user, pk)
    ended = request.POST.get("end", "")
    if ended:
        return _take_back(request, lead, ended)
    form = BuyingRoleForm(request.POST)
    if not form.is_valid():
        return _draw(request, lead, form=form, status=422)
    said = buying.say_role(
        item=open_item_of(lead), by=reader_of(request), now=timezone.now(), **form.cleaned_data
    )
    return _draw(request, lead, said=_("Saved: %(what)s.") % {"what": said.get_role_display()})


def _take_back(request: HttpRequest, lead: Lead, role: str) -> HttpResponse:
    ended = buying.take_role_back(
        item=open_item_of(lead), role=role, by=reader_of(request), now=timezone.now()
    )
    label = BuyingRole(ended.role).label if ended else ""
    return _draw(request, lead, said=_("Taken back: %(what)s.") % {"what": label} if ended else "")


def _draw(
    request: HttpRequest,
    lead: Lead,
    *,
    said: str = "",
    form: BuyingRoleForm | None = None,
    status: int = 200,
) -> HttpResponse:
    if not is_htmx(request):
        told = said or (_("Choose a role and say who told you.") if form else "")
        if told:
            (messages.success if said else messages.error)(request, told)
        return redirect(lead_url(lead))
    context = page_context(request, lead)
    response = render(
        request, COMMITTEE, context | ({"role_form": form} if form else {}), status=status
    )
    return add_toast(response, said) if said else response
