"""Where each role starts."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from qualification.context import navigation
from qualification.permissions import Right, require


@require_GET
@require(Right.USE)
def home(request: HttpRequest) -> HttpResponse:
    """The first page this person has a right to."""
    entries = navigation(request)
    return redirect(entries[0].url if entries else "login")
