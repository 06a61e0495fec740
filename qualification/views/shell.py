"""The frame of every page: theme, keys, first steps, health."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.models import User
from crm.roles import roles_of
from qualification import hints, self_check
from qualification.context import THEMES
from qualification.permissions import Right, open_to_all, require
from qualification.toasts import add_toast
from qualification.views.fetch import reader_of

YEAR = 365 * 24 * 60 * 60


@require_POST
@require(Right.USE)
def set_theme(request: HttpRequest) -> HttpResponse:
    """Light, dark, or (anything else) the system's; kept in a cookie so that no page flashes."""
    theme = request.POST.get("theme", "")
    back = request.POST.get("next", "")
    if getattr(request, "htmx", False):
        response = HttpResponse(status=204)
    elif url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        response = redirect(back)
    else:
        response = redirect("qualification:home")
    if theme in THEMES:
        response.set_cookie("theme", theme, max_age=YEAR, samesite="Lax", httponly=True)
    else:
        response.delete_cookie("theme")
    return response


@require_POST
@require(Right.USE)
def set_keys(request: HttpRequest) -> HttpResponse:
    """Single-key shortcuts on (`single_keys=on`) or off for this person."""
    User.objects.filter(pk=reader_of(request).pk).update(
        has_single_keys=request.POST.get("single_keys") == "on"
    )
    return HttpResponse(status=204)


@require_POST
@require(Right.USE)
def hide_hints(request: HttpRequest, role: str) -> HttpResponse:
    """Puts the first steps of one of the reader's roles away."""
    if role not in roles_of(request.user):
        raise Http404
    hints.hide_hints(person=reader_of(request), role=role)
    said = _("Put away. “First steps” in your menu brings them back.")
    if getattr(request, "htmx", False):
        return add_toast(HttpResponse(), said)
    messages.success(request, said)
    return redirect("qualification:home")


@require_POST
@require(Right.USE)
def show_hints(request: HttpRequest) -> HttpResponse:
    """Brings the first steps back, on the page where the reader starts."""
    hints.show_hints(person=reader_of(request))
    return redirect("qualification:home")


@open_to_all
@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the database answers; with the seconds by which work is behind."""
    found = self_check.health(now=timezone.now())
    return JsonResponse(
        {
            "status": "ok",
            "sweep": "stale" if found.is_stale else "ok",
            "sweep_seconds_ago": found.sweep_age,
            "oldest_due_seconds": found.oldest_due,
        }
    )
