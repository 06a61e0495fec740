"""Verbs on the work with a lead: a touch with its next step, and putting it off."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.models import Lead, User
from qualification.choices import TouchKind, TouchResult
from qualification.exceptions import QualificationError
from qualification.forms import SnoozeForm, TouchForm
from qualification.models import ReviewItem
from qualification.permissions import Right, require
from qualification.review import touches
from qualification.review.next_steps import TouchChoice, proposed_time, touch_named
from qualification.toasts import add_toast, close_dialog
from qualification.views.dialogs import show_dialog
from qualification.views.fetch import open_item_of, reader_of, visible_lead_or_404
from qualification.views.lead import parts_response
from qualification.views.replies import is_htmx, lead_url


@require_POST
@require(Right.WORK_QUEUE)
def touch(request: HttpRequest, pk: int) -> HttpResponse:
    """Logs a touch: an entry of the touch menu with its next step, or every field by itself."""
    lead = visible_lead_or_404(request.user, pk)
    now = timezone.now()
    choice = touch_named(request.POST.get("touch", ""))
    given = _from_menu(choice, request, now) if choice else _from_form(request)
    if given is None:
        return answer_on_page(
            request, lead, _("Say what kind of touch it was."), kind="danger", status=422
        )
    item = open_item_of(lead)
    logged = touches.log_touch(item=item, by=reader_of(request), now=now, **given)
    said = _("Logged: %(what)s.") % {"what": logged.get_result_display().lower()}
    if given["next_task_at"]:
        said += " " + _("Next: %(task)s, %(time)s.") % {
            "task": given["next_task"],
            "time": moment_text(given["next_task_at"]),
        }
    return answer_on_page(request, lead, said)


def _from_menu(choice: TouchChoice, request: HttpRequest, now: datetime) -> dict[str, Any]:
    return {
        "kind": choice.kind,
        "result": choice.result,
        "note": request.POST.get("note", "").replace("\x00", "")[:2000],
        "next_task": str(choice.task),
        "next_task_at": proposed_time(choice, now=now, zone=timezone.get_current_timezone()),
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
    }
    return show_dialog(request, "_snooze_dialog.html", context, status=status)


def moment_text(at: datetime) -> str:
    """A moment on the reader's clock, such as `Tue 24 Nov, 09:00`; today without the day."""
    local = timezone.localtime(at)
    is_today = local.date() == timezone.localdate()
    return formats.date_format(local, "H:i" if is_today else "D j M, H:i")


def answer_on_page(
    request: HttpRequest, lead: Lead, said: str, *, kind: str = "", status: int = 200
) -> HttpResponse:
    """Stays on the page: the pieces that changed and a toast, or the page with a message."""
    if not is_htmx(request):
        (messages.error if status >= 400 else messages.success)(request, said)
        return redirect(lead_url(lead))
    response = parts_response(request, lead, status=status)
    response["HX-Reswap"] = "none"
    return add_toast(response, said, kind=kind)
