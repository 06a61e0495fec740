"""How a dialog shows and ends: inside #dialog with htmx, a page of its own without it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from qualification.views.replies import go_to, is_htmx


def show_dialog(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A dialog of `templates/qualification/`; wants `title` and takes `subtitle` in the context."""
    path = f"qualification/{template}"
    if is_htmx(request):
        return render(request, path, context, status=status)
    page = {**context, "dialog_template": path}
    return render(request, "qualification/decide_page.html", page, status=status)


def done(request: HttpRequest, url: str, text: str) -> HttpResponse:
    """On to a page, where the message shows."""
    messages.success(request, text)
    return go_to(request, url)
