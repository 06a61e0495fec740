"""Checklists: criteria, frameworks and their questions."""

from django.contrib import admin
from django.http import HttpRequest

from qualification.admin.base import EditableAdmin, EditableInline
from qualification.models import Criterion, Framework, FrameworkItem


class FrameworkItemInline(EditableInline):
    model = FrameworkItem
    fields = ["position", "part", "criterion", "question", "why", "is_required", "unknown_ok"]


@admin.register(Framework)
class FrameworkAdmin(EditableAdmin):
    list_display = ["name", "key", "version", "is_default", "is_active"]
    list_filter = ["is_active"]
    inlines = [FrameworkItemInline]


@admin.register(Criterion)
class CriterionAdmin(EditableAdmin):
    list_display = ["label", "key", "value_type"]
    search_fields = ["label", "key"]

    def get_readonly_fields(self, request: HttpRequest, obj: Criterion | None = None) -> list[str]:
        """Rules and answers are written for this key and type; both stay as they are."""
        return ["key", "value_type"] if obj else []
