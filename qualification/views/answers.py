"""Verbs on what is known: an answer, the checklist to work with, the question to ask next."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.models import Lead
from qualification.answer_forms import AnswerForm
from qualification.exceptions import AnswerInvalid
from qualification.forms import FrameworkForm
from qualification.models import Criterion
from qualification.permissions import Right, require
from qualification.review import checklists, frameworks
from qualification.toasts import add_toast
from qualification.views.fetch import open_item_of, reader_of, visible_lead_or_404
from qualification.views.lead import dress_answer_form, page_context, parts_response
from qualification.views.replies import is_htmx, lead_url

DISCOVERY = "qualification/_lead_discovery.html"


@require_GET
@require(Right.WORK_QUEUE)
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """The pane of answers with one question loaded: the one named, else the suggested one, leaving
    out those passed over."""
    lead = visible_lead_or_404(request.user, pk)
    key = request.GET.get("ask", "")
    if not is_htmx(request):
        return redirect(f"{lead_url(lead)}?{request.GET.urlencode()}")
    context = {**page_context(request, lead, ask=key), "focus_ask": True}
    return render(request, DISCOVERY, context)


@require_POST
@require(Right.WORK_QUEUE)
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Stores an answer and loads the next question; an unusable one comes back with its errors."""
    lead = visible_lead_or_404(request.user, pk)
    key = request.POST.get("criterion", "").replace("\x00", "")
    criterion = get_object_or_404(Criterion, key=key)
    form = AnswerForm(request.POST, criterion=criterion)
    if form.is_valid():
        try:
            _store(form, lead=lead, criterion=criterion, request=request)
        except AnswerInvalid as refused:
            form.add_error("value", str(refused))
    if form.errors:
        return _again(request, lead, form)
    if not is_htmx(request):
        messages.success(request, _("Saved: %(what)s.") % {"what": criterion.label})
        return redirect(lead_url(lead))
    response = parts_response(
        request,
        lead,
        ("bar", "journey", "verdict"),
        main=DISCOVERY,
        context={"focus_ask": True},
    )
    return add_toast(response, _("Saved: %(what)s.") % {"what": criterion.label})


def _store(form: AnswerForm, *, lead: Lead, criterion: Criterion, request: HttpRequest) -> None:
    data = form.cleaned_data
    checklists.record_answer(
        lead=lead,
        criterion=criterion,
        value=data["value"],
        state=data["state"],
        source=data["source"],
        answered_on=data["answered_on"],
        evidence_url=data["evidence_url"],
        by=reader_of(request),
        now=timezone.now(),
    )


def _again(request: HttpRequest, lead: Lead, form: AnswerForm) -> HttpResponse:
    """The same question with the text kept and the mistakes named."""
    context: dict[str, Any] = page_context(request, lead, ask=form.criterion_key)
    context["answer_form"] = dress_answer_form(form)
    if is_htmx(request):
        return render(request, DISCOVERY, context, status=422)
    context["is_asking"] = True
    return render(request, "qualification/lead_page.html", context, status=422)


@require_POST
@require(Right.WORK_QUEUE)
def framework(request: HttpRequest, pk: int) -> HttpResponse:
    """Works the lead with another checklist; what is known stays."""
    lead = visible_lead_or_404(request.user, pk)
    form = FrameworkForm(request.POST)
    if form.is_valid():
        frameworks.switch_framework(
            item=open_item_of(lead),
            framework=form.cleaned_data["framework"],
            by=reader_of(request),
            now=timezone.now(),
        )
    if not is_htmx(request):
        return redirect(lead_url(lead))
    status = 200 if form.is_valid() else 422
    return parts_response(request, lead, ("bar", "verdict"), main=DISCOVERY, status=status)
