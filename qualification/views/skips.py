"""Skip: the dialog with the reason, and on to the next lead."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from crm.models import Lead, User
from qualification.choices import SkipReason
from qualification.exceptions import ClaimLimitReached, QualificationError
from qualification.forms import SkipForm
from qualification.permissions import Right, require
from qualification.review import next_lead, skips
from qualification.views.dialogs import done, show_dialog
from qualification.views.fetch import open_item_of, reader_of, visible_lead_or_404
from qualification.views.replies import lead_url


@require_http_methods(["GET", "POST"])
@require(Right.WORK_QUEUE)
def skip(request: HttpRequest, pk: int) -> HttpResponse:
    """The dialog to pass a claimed lead on, and doing it: the next lead opens."""
    lead = visible_lead_or_404(request.user, pk)
    form = SkipForm(request.POST or None)
    if request.method == "GET":
        return _draw(request, lead, form)
    if not form.is_valid():
        return _draw(request, lead, form, status=422)
    by, now = reader_of(request), timezone.now()
    reason = SkipReason(form.cleaned_data["reason"])
    try:
        item = open_item_of(lead)
        skips.skip_item(item=item, by=by, reason=reason, note=form.cleaned_data["note"], now=now)
    except QualificationError as refused:
        return _draw(request, lead, form, status=refused.status, refusal=str(refused))
    said = _("Skipped %(name)s: others get it.") % {"name": lead.name}
    return done(request, _url_of_next(by, now), said)


def _url_of_next(by: User, now: datetime) -> str:
    """The next lead, claimed; the queue when there is none or no claim left."""
    try:
        following = next_lead.claim_next(by=by, now=now)
    except ClaimLimitReached:
        following = None
    return lead_url(following.lead_id) if following else reverse("qualification:queue")


def _draw(
    request: HttpRequest, lead: Lead, form: SkipForm, *, status: int = 200, refusal: str = ""
) -> HttpResponse:
    context = {
        "lead": lead,
        "form": form,
        "refusal": refusal,
        "title": _("Skip %(name)s") % {"name": lead.name},
    }
    return show_dialog(request, "_skip_dialog.html", context, status=status)
