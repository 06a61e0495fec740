"""What is held about one person: shown, given out, and erased in two steps."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.models import Erasure, Lead
from qualification.exceptions import ErasureRefused
from qualification.permissions import Right, has_right, require
from qualification.personal import export, reads
from qualification.personal.erase import erase_person
from qualification.personal.requests import ask_erasure, withdraw_erasure
from qualification.personal_forms import AskErasureForm, EraseForm, ExportForm
from qualification.views.dialogs import done, show_dialog
from qualification.views.fetch import reader_of, visible_lead_or_404
from qualification.views.paging import number_in, url_at

UNUSABLE = 422


@require_GET
@require(Right.AUDIT)
def lead_personal(request: HttpRequest, pk: int) -> HttpResponse:
    """The tables with rows about the person, what becomes of each, and the request if there is
    one."""
    lead = visible_lead_or_404(request.user, pk, erased_too=True)
    return _page(request, lead, AskErasureForm())


@require_POST
@require(Right.AUDIT)
def lead_export(request: HttpRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
    """Everything held about the person, as a file; that it was given out is kept."""
    lead = visible_lead_or_404(request.user, pk, erased_too=True)
    form = ExportForm(request.POST)
    chosen = form.cleaned_data["form"] if form.is_valid() else export.JSON
    now = timezone.now()
    export.record_export(lead=lead, form=chosen, by=reader_of(request), now=now)
    answer: HttpResponse | StreamingHttpResponse
    if chosen == export.CSV:
        answer = HttpResponse(export.as_zip(lead), content_type="application/zip")
    else:
        answer = StreamingHttpResponse(
            export.as_json(lead, now=now), content_type="application/json"
        )
    answer["Content-Disposition"] = f'attachment; filename="lead-{lead.pk}.{chosen}"'
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@require(Right.AUDIT)
def lead_erasure_ask(request: HttpRequest, pk: int) -> HttpResponse:
    """A request that an admin carries out."""
    lead = visible_lead_or_404(request.user, pk)
    form = AskErasureForm(request.POST)
    if form.is_valid():
        try:
            ask_erasure(lead=lead, by=reader_of(request), now=timezone.now(), **form.cleaned_data)
        except ErasureRefused as refused:
            form.add_error("reference", str(refused))
        else:
            messages.success(request, _("An admin is asked to erase the personal data."))
            return redirect("qualification:lead-personal", pk=pk)
    return _page(request, lead, form, status=UNUSABLE)


@require_POST
@require(Right.AUDIT)
def lead_erasure_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """The request is taken back before it was carried out."""
    lead = visible_lead_or_404(request.user, pk)
    withdraw_erasure(erasure=_request_on(lead), by=reader_of(request), now=timezone.now())
    messages.success(request, _("The request is withdrawn."))
    return redirect("qualification:lead-personal", pk=pk)


@require_http_methods(["GET", "POST"])
@require(Right.ERASE)
def lead_erase(request: HttpRequest, pk: int) -> HttpResponse:
    """An admin carries the request out, naming the lead."""
    lead = visible_lead_or_404(request.user, pk)
    erasure = _request_on(lead)
    form = EraseForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            erase_person(
                erasure=erasure,
                confirmed=form.cleaned_data["confirmed"],
                by=reader_of(request),
                now=timezone.now(),
            )
        except ErasureRefused as refused:
            form.add_error("confirmed", str(refused))
        else:
            text = _("The personal data of lead %(number)s are erased.") % {"number": pk}
            return done(request, reverse("qualification:lead-personal", args=[pk]), text)
    context = {
        "lead": lead,
        "erasure": erasure,
        "form": form,
        "title": _("Erase the personal data"),
        "subtitle": str(lead),
        "cancel_url": reverse("qualification:lead-personal", args=[pk]),
    }
    status = UNUSABLE if form.errors else 200
    return show_dialog(request, "_erase_dialog.html", context, status=status)


@require_GET
@require(Right.AUDIT)
def erasure_list(request: HttpRequest) -> HttpResponse:
    """Requests that wait, else what was carried out, about leads in sight."""
    which = "done" if request.GET.get("which") == "done" else "waiting"
    page = reads.erasure_page(
        reader_of(request),
        is_done=which == "done",
        before=number_in(request, "before"),
        after=number_in(request, "after"),
    )
    context = {
        "which": which,
        "page": page,
        "newer_url": url_at(request, "after", page.newer),
        "older_url": url_at(request, "before", page.older),
    }
    return render(request, "qualification/erasure_list.html", context)


def _request_on(lead: Lead) -> Erasure:
    erasure = Erasure.objects.filter(lead=lead, carried_out_at=None).first()
    if erasure is None:
        raise Http404
    return erasure


def _page(
    request: HttpRequest, lead: Lead, form: AskErasureForm, *, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "lead": lead,
        "erasure": reads.request_on(lead),
        "held": reads.held_about(lead),
        "exports": reads.exports_of(lead),
        "form": form,
        "can_erase": has_right(request.user, Right.ERASE),
    }
    return render(request, "qualification/personal_page.html", context, status=status)
