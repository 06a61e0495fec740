"""How a lead moves: every stage with what must hold to enter it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from qualification.permissions import Right, require
from qualification.review.stage_rules import stage_rules


@require_GET
@require(Right.USE)
def stage_list(request: HttpRequest) -> HttpResponse:
    """The stages in the order of the road, by the live rules."""
    return render(request, "qualification/stage_list.html", {"rules": stage_rules()})
