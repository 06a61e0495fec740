"""What stands before every view: deny by default, the reader's time zone, refusals as answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg.errors import QueryCanceled

from crm.exceptions import CrmError
from qualification.database_away import is_away, say_so
from qualification.exceptions import Busy, QualificationError, TooSlow, is_held_elsewhere
from qualification.toasts import add_toast
from qualification.zones import zone_named

GetResponse = Callable[[HttpRequest], HttpResponse]

# Views of packages carry no mark of ours; they bring their own checks.
PACKAGE_VIEWS = ("django.contrib.admin", "django.contrib.auth", "unfold", "django_rq")


class DenyByDefault:
    """Refuses any of our views that names neither a right nor `open_to_all`."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not _is_readable(request):
            return HttpResponse(status=415)
        response = self.get_response(request)
        if request.user.is_authenticated and "Cache-Control" not in response:
            response["Cache-Control"] = "no-store"
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> None:
        if not hasattr(view, "required_right") and not view.__module__.startswith(PACKAGE_VIEWS):
            raise PermissionDenied(f"{view.__module__} names no right")


def _is_readable(request: HttpRequest) -> bool:
    """Browsers send fields as UTF-8; other names of a charset make Django fail while it parses."""
    charset = (request.content_params or {}).get("charset", "utf-8")
    return request.content_type != "multipart/form-data" or charset.lower() in ("utf-8", "utf8")


class ReaderTimeZone:
    """Times on pages are in the zone of the person who reads them."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = getattr(request.user, "time_zone", "UTC")
        with timezone.override(zone_named(name)):
            return self.get_response(request)


class DomainErrors:
    """A broken rule becomes its status with a sentence: a toast for htmx, a page otherwise."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if is_away(error):
            return say_so(request)
        if is_held_elsewhere(error):
            error = Busy()
        elif isinstance(error, OperationalError) and isinstance(error.__cause__, QueryCanceled):
            error = TooSlow(_("This took too long and was stopped. Try again in a moment."))
        if not isinstance(error, QualificationError | CrmError):
            return None
        status = getattr(error, "status", 409)
        if getattr(request, "htmx", False):
            response = HttpResponse(status=status)
            response["HX-Reswap"] = "none"
            return add_toast(response, str(error), kind="danger")
        return render(request, "refused.html", {"message": str(error)}, status=status)
