"""What the pages of our own inside the admin share: their frame, their person, their tabs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from crm.models import User
from qualification.choices import ModelStatus
from qualification.models import ScoringModel

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class Tab:
    """A page of a version."""

    name: str
    label: Any
    url: str
    icon: str


# URL name, label and icon of each page of a version; the first is the admin's own.
TABS = (
    ("qualification_scoringmodel_change", _("Rules"), "rule"),
    ("scoring_matrix", _("Points matrix"), "grid_on"),
    ("scoring_trial", _("Test on a lead"), "person_search"),
    ("scoring_impact", _("Impact"), "insights"),
    ("scoring_usage", _("Rule usage"), "bar_chart"),
)


def is_draft(model: ScoringModel | None) -> bool:
    """Whether this version may still be edited."""
    return model is not None and model.status == ModelStatus.DRAFT


def tabs_of(model: ScoringModel) -> list[Tab]:
    """The pages of a version."""
    return [
        Tab(name, label, reverse(f"admin:{name}", args=[model.pk]), icon)
        for name, label, icon in TABS
    ]


def version_or_404(pk: int) -> ScoringModel:
    """The version with this id; 404 without."""
    return get_object_or_404(ScoringModel, pk=pk)


def editor_in(request: HttpRequest) -> User:
    """The admin behind the request."""
    assert isinstance(request.user, User)  # noqa: S101 - `require` let nobody else in  # nosec
    return request.user


def show(
    request: HttpRequest,
    template: str,
    *,
    title: str,
    model: ScoringModel | None = None,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """A page in the frame of the admin; with the tabs of a version where there is one."""
    frame = admin.site.each_context(request) | {"title": title}
    if model is not None:
        frame |= {"version": model, "tabs": tabs_of(model), "is_draft": is_draft(model)}
    return render(request, f"admin/leadqual/{template}", frame | context, status=status)


def route(pattern: str, view: View, name: str) -> URLPattern:
    """A page of ours among those of the admin; the view names its right itself."""
    return path(pattern, admin.site.admin_view(view), name=name)
