"""The chain and the nightly looks at it, to read."""

from __future__ import annotations

from django.contrib import admin

from qualification.admin.base import ReadOnlyAdmin
from qualification.models import AuditCheck, AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["seq", "at", "kind", "deed", "subject_table", "subject", "actor"]
    list_filter = ["kind", "deed"]
    exclude = ["salt"]


@admin.register(AuditCheck)
class AuditCheckAdmin(ReadOnlyAdmin):
    list_display = ["at", "breaks", "first_break", "entries", "rows", "head_seq", "head_hash"]
