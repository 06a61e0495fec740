"""Policy an admin tunes: rejection reasons, SLA minutes."""

from django.contrib import admin

from qualification.admin.base import EditableAdmin
from qualification.models import RejectionReason, SLAPolicy


@admin.register(RejectionReason)
class RejectionReasonAdmin(EditableAdmin):
    list_display = [
        "label",
        "group",
        "influences",
        "suggests_nurture",
        "needs_note",
        "needs_attempts",
        "returns_credit",
        "is_active",
        "position",
    ]
    list_filter = ["group", "influences", "is_active"]
    search_fields = ["label", "key"]
    ordering = ["position"]


@admin.register(SLAPolicy)
class SLAPolicyAdmin(EditableAdmin):
    list_display = ["kind", "tier", "minutes", "warn_minutes"]
    list_filter = ["kind"]
