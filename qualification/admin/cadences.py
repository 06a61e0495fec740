"""Cadences: steps of follow-up. One that was ever started is changed by a new version of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from qualification.admin.base import EditableAdmin, EditableInline
from qualification.models import Cadence, CadenceStep
from qualification.review.cadence_versions import new_version


class CadenceStepInline(EditableInline):
    model = CadenceStep
    fields = ["position", "wait_days", "kind", "task"]

    def has_add_permission(self, request: HttpRequest, obj: Cadence | None = None) -> bool:
        return super().has_add_permission(request) and not _was_started(obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request) and not _was_started(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request) and not _was_started(obj)


@admin.register(Cadence)
class CadenceAdmin(EditableAdmin):
    list_display = ["name", "version", "n_steps", "n_days", "is_default", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name", "key"]
    inlines = [CadenceStepInline]
    actions = ["make_new_version"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cadence]:
        rows: QuerySet[Cadence] = super().get_queryset(request)
        return rows.prefetch_related("steps")

    def get_readonly_fields(self, request: HttpRequest, obj: Cadence | None = None) -> list[str]:
        """Key and version name a row for good; runs point at it."""
        return ["key", "version"] if obj else ["version"]

    def has_delete_permission(self, request: HttpRequest, obj: Cadence | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not _was_started(obj)

    @admin.display(description=_("Steps"))
    def n_steps(self, cadence: Cadence) -> int:
        return len(cadence.steps.all())

    @admin.display(description=_("Days"))
    def n_days(self, cadence: Cadence) -> int:
        return sum(step.wait_days for step in cadence.steps.all())

    @admin.action(description=_("Copy to a new version, to change its steps"))
    def make_new_version(self, request: HttpRequest, queryset: QuerySet[Cadence]) -> None:
        """The copy can be changed; what runs keeps the steps it began with."""
        with transaction.atomic():
            made = [new_version(cadence=cadence) for cadence in queryset]
        names = ", ".join(str(cadence) for cadence in made)
        messages.success(request, _("Copied: %(names)s.") % {"names": names})


def _was_started(cadence: Any) -> bool:
    if not isinstance(cadence, Cadence) or cadence.pk is None:
        return False
    counted = Cadence.objects.filter(pk=cadence.pk).aggregate(n=Count("runs"))
    return bool(counted["n"])
