"""Pages for requests that cannot be answered."""

import sys
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from qualification.database_away import is_away, say_so


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """400."""
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """403: says whom to ask; never says whether the thing exists."""
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """404: the same for absent and not visible."""
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500; 503 when the database was away before a view began, as for whoever has a session."""
    if is_away(sys.exc_info()[1]):
        return say_so(request)
    return render(request, "500.html", status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form whose session ended: log in again, the text is kept in the browser."""
    return render(request, "403_csrf.html", status=403)
