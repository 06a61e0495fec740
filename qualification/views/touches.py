"""Verbs on the work with a lead: a touch with its next step, and putting it off."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.models import Lead, User
from qualification.choices import TouchKind, TouchResult
from qualification.exceptions import QualificationError
from qualification.forms import SnoozeForm, TouchForm
from qualification.models import CadenceRun, ReviewItem, Touch
from qualification.permissions import Right, require
from qualification.review import touch_undo, touches
from qualification.review.cadence_runs import running_of
from qualification.review.follow import sleeping_plan_of
from qualification.review.next_steps import TouchChoice, proposed_time, touch_named
from qualification.review.reach import reach_of
from qualification.toasts import add_toast, close_dialog, refresh_lists
from qualification.views.dialogs import show_dialog
from qualification.views.fetch import (
    open_item_of,
    reader_of,
    visible_lead_or_404,
    visible_touch_or_404,
)
from qualification.views.lead import parts_response
from qualification.views.replies import is_htmx, lead_url


@require_POST
@require(Right.WORK_QUEUE)
def touch(request: HttpRequest, pk: int) -> HttpResponse:
    """Logs a touch: an entry of the touch menu with its next step, or every field by itself. With a
    lead that sleeps, one that keeps in touch."""
    lead = visible_lead_or_404(request.user, pk)
    now = timezone.now()
    choice = touch_named(request.POST.get("touch", ""))
    given = _from_menu(choice, request) if choice else _from_form(request)
    if given is None:
        return answer_on_page(
            request, lead, _("Say what kind of touch it was."), kind="danger", status=422
        )
    plan = sleeping_plan_of(lead)
    if plan is not None:
        by = reader_of(request)
        what = {name: given[name] for name in ("kind", "result", "note")}
        logged = touches.log_nurture_touch(plan=plan, by=by, now=now, **what)
        return _logged(request, logged, _said(logged, running_of(lead)))
    item = open_item_of(lead)
    if choice:
        given |= _proposal(choice, lead=lead, by=reader_of(request), now=now)
    logged = touches.log_touch(item=item, by=reader_of(request), now=now, **given)
    return _logged(request, logged, _said(logged, item))


@require_POST
@require(Right.WORK_QUEUE)
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Takes one's own touch back while that is possible, on the page or in the list where it was
    logged."""
    found = visible_touch_or_404(request.user, pk)
    try:
        touch_undo.undo_touch(touch=found, by=reader_of(request), now=timezone.now())
    except QualificationError as refused:
        if is_htmx(request):
            raise
        messages.error(request, str(refused))
        return redirect(lead_url(found.lead))
    lead = visible_lead_or_404(request.user, found.lead_id)
    said = _("Undone: %(what)s.") % {"what": found.get_result_display().lower()}
    return answer_on_page(request, lead, said)


def _logged(request: HttpRequest, logged: Touch, said: str) -> HttpResponse:
    """Says what was logged, with an Undo for as long as it is possible."""
    url = reverse("qualification:touch-undo", args=[logged.pk])
    undo_url = f"{url}?from=list" if _is_from_list(request) else url
    return answer_on_page(request, logged.lead, said, undo_url=undo_url)


def _said(logged: Touch, planned: ReviewItem | CadenceRun | None) -> str:
    """What was logged and what comes next."""
    said = _("Logged: %(what)s.") % {"what": logged.get_result_display().lower()}
    if isinstance(planned, ReviewItem):
        task, at = planned.next_task, planned.next_task_at
    else:
        task = planned.step.task if planned and planned.step else ""
        at = planned.due_at if planned else None
    if at is None:
        return said
    following = _("Next: %(task)s, %(time)s.") % {"task": task, "time": moment_text(at)}
    return f"{said} {following}"


def _from_menu(choice: TouchChoice, request: HttpRequest) -> dict[str, Any]:
    return {
        "kind": choice.kind,
        "result": choice.result,
        "note": request.POST.get("note", "").replace("\x00", "")[:2000],
    }


def _proposal(choice: TouchChoice, *, lead: Lead, by: User, now: datetime) -> dict[str, Any]:
    """The step the menu proposes; that of a running cadence goes before it."""
    return {
        "next_task": str(choice.task),
        "next_task_at": proposed_time(choice, now=now, reach=reach_of(lead, by=by)),
        "is_proposal": True,
    }


def _from_form(request: HttpRequest) -> dict[str, Any] | None:
    form = TouchForm(request.POST)
    if not form.is_valid():
        return None
    data = form.cleaned_data
    return {**data, "kind": TouchKind(data["kind"]), "result": TouchResult(data["result"])}


@require_http_methods(["GET", "POST"])
@require(Right.WORK_QUEUE)
def snooze(request: HttpRequest, pk: int) -> HttpResponse:
    """The dialog to put an owned lead off, and doing it."""
    lead = visible_lead_or_404(request.user, pk)
    item = open_item_of(lead)
    if request.method == "GET":
        return _draw_snooze(request, lead, SnoozeForm(initial={"task": item.next_task}))
    form = SnoozeForm(request.POST)
    if not form.is_valid():
        return _draw_snooze(request, lead, form, status=422)
    try:
        until = _snooze(form, item=item, by=reader_of(request))
    except QualificationError as refused:
        if refused.status == 422:
            form.add_error("until", str(refused))
            return _draw_snooze(request, lead, form, status=422)
        return _draw_snooze(request, lead, form, status=refused.status, refusal=str(refused))
    said = _("Snoozed until %(time)s.") % {"time": moment_text(until)}
    response = answer_on_page(request, lead, said)
    return close_dialog(response) if is_htmx(request) else response


def _snooze(form: SnoozeForm, *, item: ReviewItem, by: User) -> datetime:
    now = timezone.now()
    until = form.moment(now=now, zone=timezone.get_current_timezone())
    touches.snooze_item(item=item, by=by, until=until, task=form.cleaned_data["task"], now=now)
    return until


def _draw_snooze(
    request: HttpRequest, lead: Lead, form: SnoozeForm, *, status: int = 200, refusal: str = ""
) -> HttpResponse:
    context = {
        "lead": lead,
        "form": form,
        "refusal": refusal,
        "title": _("Snooze %(name)s") % {"name": lead.name},
        "is_from_list": _is_from_list(request),
    }
    return show_dialog(request, "_snooze_dialog.html", context, status=status)


def moment_text(at: datetime) -> str:
    """A moment on the reader's clock, such as `Tue 24 Nov, 09:00`; today without the day."""
    local = timezone.localtime(at)
    is_today = local.date() == timezone.localdate()
    return formats.date_format(local, "H:i" if is_today else "D j M, H:i")


def answer_on_page(
    request: HttpRequest,
    lead: Lead,
    said: str,
    *,
    kind: str = "",
    status: int = 200,
    undo_url: str = "",
) -> HttpResponse:
    """Stays on the page: the pieces that changed and a toast, with Undo where it can be undone; or
    the page with a message."""
    if not is_htmx(request):
        tell = messages.error if status >= 400 else messages.success
        tell(request, said, extra_tags=f"undo:{undo_url}" if undo_url else "")
        return redirect(lead_url(lead))
    if _is_from_list(request):
        response = refresh_lists(HttpResponse(status=status))
    else:
        response = parts_response(request, lead, status=status)
        response["HX-Reswap"] = "none"
    return add_toast(response, said, kind=kind, undo_url=undo_url, is_in_place=True)


def _is_from_list(request: HttpRequest) -> bool:
    return "list" in (request.GET.get("from"), request.POST.get("from"))
