"""What a page says while PostgreSQL does not answer: 503, and nothing of it is looked up there.

Called by the middleware for what a view raised, and for the rest by the page of server errors.
"""

from __future__ import annotations

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from qualification.toasts import add_toast

RETRY_SECONDS = 5
# It shuts down, was shut down by a crash, starts, or takes no more connections; class 08 are
# connections that broke.
AWAY = frozenset({"57P01", "57P02", "57P03", "53300"})


def is_away(error: BaseException | None) -> bool:
    """Whether the connection failed, or was lost, rather than a statement."""
    if not isinstance(error, OperationalError):
        return False
    # Without a state the server never spoke.
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state in AWAY or state.startswith("08")


def say_so(request: HttpRequest) -> HttpResponse:
    """A toast for htmx, a page otherwise; drawn without the request, whose reader is unknown."""
    if getattr(request, "htmx", False):
        response = HttpResponse(status=503)
        response["HX-Reswap"] = "none"
        add_toast(response, _("The database does not answer. Try again soon."), kind="danger")
    else:
        response = HttpResponse(render_to_string("503.html"), status=503)
    response["Retry-After"] = str(RETRY_SECONDS)
    response["Cache-Control"] = "no-store"
    return response
