"""The frame of every page: theme, health."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from crm.models import User
from qualification import self_check
from qualification.context import THEMES
from qualification.permissions import Right, open_to_all, require
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
