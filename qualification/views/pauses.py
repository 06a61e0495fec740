"""Verbs on the clock of a lead: stop it with a reason, let it go on."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.models import Lead
from qualification.exceptions import QualificationError
from qualification.forms import PauseForm
from qualification.permissions import Right, require
from qualification.review import pauses
from qualification.toasts import close_dialog
from qualification.views.dialogs import show_dialog
from qualification.views.fetch import open_item_of, reader_of, visible_lead_or_404
from qualification.views.replies import is_htmx
from qualification.views.touches import answer_on_page, moment_text


@require_http_methods(["GET", "POST"])
@require(Right.WORK_QUEUE)
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """The dialog to stop the clock of a lead, and doing it."""
    lead = visible_lead_or_404(request.user, pk)
    item = open_item_of(lead)
    if request.method == "GET":
        return _draw(request, lead, PauseForm())
    form = PauseForm(request.POST)
    if not form.is_valid():
        return _draw(request, lead, form, status=422)
    now = timezone.now()
    until = form.moment(now=now, zone=timezone.get_current_timezone())
    reason = form.cleaned_data["reason"]
    try:
        pauses.pause_clock(item=item, by=reader_of(request), reason=reason, until=until, now=now)
    except QualificationError as refused:
        if refused.status == 422:
            form.add_error("until", str(refused))
            return _draw(request, lead, form, status=422)
        return _draw(request, lead, form, status=refused.status, refusal=str(refused))
    said = _("Clock paused until %(time)s. P lets it go on.") % {"time": moment_text(until)}
    response = answer_on_page(request, lead, said)
    return close_dialog(response) if is_htmx(request) else response


@require_POST
@require(Right.WORK_QUEUE)
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Lets the clock go on: the undo of a pause."""
    lead = visible_lead_or_404(request.user, pk)
    item = open_item_of(lead)
    pauses.resume_clock(item=item, by=reader_of(request), now=timezone.now())
    said = _("The clock goes on, due %(time)s.") % {"time": moment_text(item.due_at)}
    return answer_on_page(request, lead, said)


def _draw(
    request: HttpRequest, lead: Lead, form: PauseForm, *, status: int = 200, refusal: str = ""
) -> HttpResponse:
    context = {
        "lead": lead,
        "form": form,
        "refusal": refusal,
        "title": _("Pause the clock of %(name)s") % {"name": lead.name},
    }
    return show_dialog(request, "_pause_dialog.html", context, status=status)
