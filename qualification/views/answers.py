"""How a verb or a dialog answers: on to a page with a message, or the form again.

With htmx a dialog is the inside of #dialog; without it, a page of its own.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django_htmx.http import HttpResponseClientRedirect


def go_to(request: HttpRequest, url: str, text: str = "", *, is_good: bool = True) -> HttpResponse:
    """On to a page, where the message shows; the same with and without htmx."""
    if text:
        messages.add_message(request, messages.SUCCESS if is_good else messages.ERROR, text)
    if getattr(request, "htmx", False):
        return HttpResponseClientRedirect(url)
    return redirect(url)


def show_dialog(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A dialog of `templates/qualification/`; wants `title` and takes `subtitle` in the context."""
    path = f"qualification/{template}"
    if getattr(request, "htmx", False):
        return render(request, path, context, status=status)
    page = {**context, "dialog_template": path}
    return render(request, "qualification/decide_page.html", page, status=status)
