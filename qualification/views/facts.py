"""Changing what is known of a lead and its company, each fact where it stands."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from crm.exceptions import FactsInvalid
from crm.models import Lead
from qualification.exceptions import FactsChanged, QualificationError
from qualification.fact_forms import FactForm
from qualification.permissions import Right, require
from qualification.review.facts import Fact, edit_facts, fact_of
from qualification.toasts import add_toast
from qualification.views.dialogs import done
from qualification.views.fetch import reader_of, visible_lead_or_404
from qualification.views.lead import parts_response
from qualification.views.replies import is_htmx, lead_url

UNPROCESSABLE = 422
SHOWN = "qualification/_fact_shown.html"
# What also says something else once a fact does.
PARTS = ("top", "person", "local", "known", "journey")


@require_http_methods(["GET", "POST"])
@require(Right.WORK_QUEUE)
def lead_fact(request: HttpRequest, pk: int, key: str) -> HttpResponse:
    """The form of one fact, storing it, and with `shown` the fact as it stands."""
    lead = visible_lead_or_404(request.user, pk)
    fact = _fact_or_404(lead, key)
    if request.method == "POST":
        return _store(request, lead, fact)
    if "shown" in request.GET and is_htmx(request):
        return render(request, SHOWN, {"lead": lead, "fact": fact, "can_edit": True})
    return _draw(request, lead, fact, FactForm(fact=fact))


def _store(request: HttpRequest, lead: Lead, fact: Fact) -> HttpResponse:
    form = FactForm(request.POST, fact=fact)
    if not form.is_valid():
        return _draw(request, lead, fact, form, status=UNPROCESSABLE)
    try:
        written = edit_facts(
            lead=lead,
            texts={fact.key: form.wanted},
            seen={fact.key: form.cleaned_data["seen"]},
            by=reader_of(request),
            now=timezone.now(),
        )
    except FactsInvalid as refused:
        form.add_error("text", refused.wrong[fact.key])
        return _draw(request, lead, fact, form, status=UNPROCESSABLE)
    except QualificationError as refused:
        if isinstance(refused, FactsChanged):
            form = _again(form, fact, seen=refused.found[fact.key])
        form.add_error("text", str(refused))
        return _draw(request, lead, fact, form, status=refused.status)
    has_changed = bool(written.lead or written.account)
    text = _("Saved: %(what)s. The score follows.") if has_changed else _("Nothing changed.")
    return _stored(request, lead.pk, fact.key, text % {"what": fact.label})


def _stored(request: HttpRequest, pk: int, key: str, said: str) -> HttpResponse:
    lead = visible_lead_or_404(request.user, pk)
    if not is_htmx(request):
        return done(request, lead_url(lead), said)
    context = {"lead": lead, "fact": _fact_or_404(lead, key), "can_edit": True}
    return add_toast(parts_response(request, lead, PARTS, main=SHOWN, context=context), said)


def _again(form: FactForm, fact: Fact, *, seen: str) -> FactForm:
    """The same with what it says now before the writer: who saves again means it."""
    again = FactForm({"text": form.wanted, "seen": seen}, fact=fact)
    again.is_valid()
    return again


def _draw(
    request: HttpRequest, lead: Lead, fact: Fact, form: FactForm, *, status: int = 200
) -> HttpResponse:
    name = "_fact_form.html" if is_htmx(request) else "fact_page.html"
    context = {"lead": lead, "fact": fact, "form": form}
    return render(request, f"qualification/{name}", context, status=status)


def _fact_or_404(lead: Lead, key: str) -> Fact:
    fact = fact_of(lead, key)
    if fact is None:
        raise Http404
    return fact
