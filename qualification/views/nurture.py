"""Nurture: putting a lead to sleep, the list of sleeping leads, changing their plans."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.models import Lead
from qualification.exceptions import DecisionIncomplete, QualificationError
from qualification.follow_forms import NurtureForm, WakeForm, first_wishes, wishes_of
from qualification.models import Decision, LeadScore, NurturePlan
from qualification.permissions import Right, require
from qualification.review import cadences, decisions, nurture, sleeping
from qualification.review.contracts import contract_ends
from qualification.review.wake_preview import ahead_of
from qualification.scoring.versions import active_model
from qualification.views.decide import Dialog, run_dialog
from qualification.views.dialogs import done, show_dialog
from qualification.views.fetch import open_item_of, reader_of, visible_lead_or_404
from qualification.views.replies import is_htmx, lead_url

MAX_PREFILL = 2000


@require_GET
@require(Right.WORK_QUEUE)
def nurture_list(request: HttpRequest) -> HttpResponse:
    """Who wakes up when, the soonest first, and how near the other conditions are."""
    pages = Paginator(sleeping.sleeping_leads(request.user), sleeping.PAGE_LENGTH)
    page = pages.get_page(request.GET.get("page"))
    reader = reader_of(request)
    context = {
        "page": page,
        "rows": [sleeping.row_of(plan, reader=reader) for plan in page.object_list],
        "count": pages.count,
        "today": timezone.localdate(),
        "newer_url": f"?page={page.previous_page_number()}" if page.has_previous() else "",
        "older_url": f"?page={page.next_page_number()}" if page.has_next() else "",
    }
    return render(request, "qualification/nurture_list.html", context)


@require_http_methods(["GET", "POST"])
@require(Right.WORK_QUEUE)
def nurture_dialog(request: HttpRequest, pk: int) -> HttpResponse:
    """Why a lead rests and what wakes it."""
    lead = visible_lead_or_404(request.user, pk)
    item = open_item_of(lead)
    contract = contract_ends([lead.pk]).get(lead.pk)
    initial = {
        "token": item.token,
        "note": request.GET.get("note", "")[:MAX_PREFILL],
        "reason": request.GET.get("reason", ""),
        **first_wishes(contract),
    }
    form = NurtureForm(request.POST or None, initial=initial)
    dialog = Dialog(
        request=request,
        lead=lead,
        item=item,
        template="_nurture_dialog.html",
        title=_("Nurture %(name)s") % {"name": lead.name},
        form=form,
        shows=lambda _dialog: {
            "contract": contract,
            "preview": _preview(form, lead),
            "form_url": reverse("qualification:lead-nurture", args=[lead.pk]),
        },
    )

    def decide(data: dict[str, Any]) -> Decision:
        with transaction.atomic():
            now = timezone.now()
            made = decisions.nurture_lead(
                item=item,
                token=data["token"],
                by=reader_of(request),
                note=data["note"],
                reason=data["reason"],
                wake=form.wish,
                now=now,
            )
            if data["cadence"] is not None:
                cadences.start_cadence(
                    lead=lead, cadence=data["cadence"], by=reader_of(request), now=now
                )
        return made

    return run_dialog(dialog, decide, said=_nurtured_text)


def _nurtured_text(made: Decision) -> str:
    plan = made.plan
    days = [day for day in (plan.wake_on, plan.contract_wake_on, plan.latest_on) if day]
    return _("In nurture until %(day)s") % {"day": min(days).strftime("%-d %b")}


@require_GET
@require(Right.WORK_QUEUE)
def nurture_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What the choices in the dialog will do, day by day; chosen, not saved."""
    lead = visible_lead_or_404(request.user, pk)
    form = WakeForm(request.GET)
    return render(request, "qualification/_nurture_preview.html", {"preview": _preview(form, lead)})


def _preview(form: WakeForm, lead: Lead) -> dict[str, Any]:
    """The lines of the preview, or the sentence that says why the choices cannot be."""
    read = form if form.is_bound else _as_offered(form)
    if not read.is_valid() and {*read.errors} & {*WakeForm.base_fields}:
        return {"refusal": _("Correct the marked field to see what happens.")}
    plan = NurturePlan.objects.waiting().filter(lead=lead).select_related("decision").first()
    score = LeadScore.objects.filter(lead=lead).first()
    current = score.total_tenths if score else 0
    model = active_model()
    scores = nurture.Scores(
        at_decision=plan.decision.total_tenths if plan else current,
        now=current,
        most=int(model.total_max * 10) if model else None,
    )
    try:
        wake = nurture.wake_of(read.wish, scores=scores, now=timezone.now())
    except DecisionIncomplete as missing:
        return {"refusal": str(missing)}
    return {"lines": ahead_of(wake, scores=scores)}


def _as_offered(form: WakeForm) -> WakeForm:
    """The form as if it were sent the way it is drawn first."""
    return WakeForm({name: form[name].value() for name in WakeForm.base_fields})


@require_http_methods(["GET", "POST"])
@require(Right.WORK_QUEUE)
def nurture_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Other wake conditions for a lead that sleeps: by who nurtured it, or a manager."""
    plan = _visible_plan_or_404(request.user, pk)
    initial = wishes_of(plan)
    form = WakeForm(request.POST or None, initial=initial)
    if request.method == "GET":
        return _draw_change(request, plan, form)
    if not form.is_valid():
        return _draw_change(request, plan, form, status=422)
    try:
        nurture.change_plan(plan=plan, by=reader_of(request), wish=form.wish, now=timezone.now())
    except QualificationError as refused:
        return _draw_change(request, plan, form, status=refused.status, refusal=str(refused))
    said = _("Saved. %(name)s wakes up by the new conditions.") % {"name": plan.lead.name}
    return done(request, _back(request), said)


def _draw_change(
    request: HttpRequest,
    plan: NurturePlan,
    form: WakeForm,
    *,
    status: int = 200,
    refusal: str = "",
) -> HttpResponse:
    context = {
        "plan": plan,
        "lead": plan.lead,
        "form": form,
        "refusal": refusal,
        "preview": _preview(form, plan.lead),
        "contract": contract_ends([plan.lead_id]).get(plan.lead_id),
        "score": LeadScore.objects.filter(lead=plan.lead_id).first(),
        "title": _("When %(name)s wakes up") % {"name": plan.lead.name},
    }
    return show_dialog(request, "_nurture_change_dialog.html", context, status=status)


@require_POST
@require(Right.WORK_QUEUE)
def nurture_take_back(request: HttpRequest, pk: int) -> HttpResponse:
    """The lead comes back into the queue now."""
    plan = _visible_plan_or_404(request.user, pk)
    try:
        nurture.take_back(plan=plan, by=reader_of(request), now=timezone.now())
    except QualificationError as refused:
        if is_htmx(request):
            raise
        messages.error(request, str(refused))
        return redirect(_back(request))
    said = _("%(name)s is back in the queue.") % {"name": plan.lead.name}
    return done(request, lead_url(plan.lead_id), said)


def _back(request: HttpRequest) -> str:
    return reverse("qualification:nurture-list")


def _visible_plan_or_404(user: Any, pk: int) -> NurturePlan:
    plans = NurturePlan.objects.visible_to(user).select_related(
        "lead__account", "decision__by", "decision__item"
    )
    return get_object_or_404(plans, pk=pk)
