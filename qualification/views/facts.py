"""Changing what is known of a lead and its company."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from crm.exceptions import FactsInvalid
from crm.models import Lead
from qualification.exceptions import QualificationError
from qualification.fact_forms import FactsForm
from qualification.permissions import Right, require
from qualification.review.facts import edit_facts
from qualification.views.dialogs import done, show_dialog
from qualification.views.fetch import reader_of, visible_lead_or_404
from qualification.views.replies import lead_url

UNPROCESSABLE = 422


@require_http_methods(["GET", "POST"])
@require(Right.WORK_QUEUE)
def lead_facts(request: HttpRequest, pk: int) -> HttpResponse:
    """The dialog with every fact, and storing what changed."""
    lead = visible_lead_or_404(request.user, pk)
    form = FactsForm(request.POST if request.method == "POST" else None, lead=lead)
    if request.method == "GET":
        return _draw(request, lead, form)
    if not form.is_valid():
        return _draw(request, lead, form, status=UNPROCESSABLE)
    texts = {key: form.cleaned_data[key] for key in form.changed_data}
    try:
        written = edit_facts(lead=lead, texts=texts, by=reader_of(request), now=timezone.now())
    except FactsInvalid as refused:
        form.refuse(refused)
        return _draw(request, lead, form, status=UNPROCESSABLE)
    except QualificationError as refused:
        return _draw(request, lead, form, status=refused.status, refusal=str(refused))
    n = len(written.lead) + len(written.account)
    text = ngettext("%(n)s fact changed.", "%(n)s facts changed.", n) % {"n": n}
    return done(request, lead_url(lead), text if n else _("Nothing changed."))


def _draw(
    request: HttpRequest, lead: Lead, form: FactsForm, *, status: int = 200, refusal: str = ""
) -> HttpResponse:
    context = {
        "lead": lead,
        "form": form,
        "refusal": refusal,
        "title": _("What we know of %(name)s") % {"name": lead.name},
    }
    return show_dialog(request, "_facts_dialog.html", context, status=status)
