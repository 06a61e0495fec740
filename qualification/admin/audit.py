"""The chain and the nightly looks at it, to read."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from crm.models import User
from qualification.admin.base import ReadOnlyAdmin
from qualification.models import AuditCheck, AuditEntry

NAMES = {
    model._meta.db_table: model._meta.verbose_name
    for model in apps.get_models(include_auto_created=True)
}


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["seq", "at", "kind", "deed", "what", "subject", "who"]
    list_filter = ["kind", "deed"]
    exclude = ["salt", "subject_table", "actor"]
    readonly_fields = ["what", "who"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        # No foreign key: somebody may be gone, the entry stays.
        name = User.objects.filter(pk=OuterRef("actor")).values("username")[:1]
        entries: QuerySet[AuditEntry] = super().get_queryset(request)
        return entries.annotate(username=Subquery(name))

    @admin.display(description=_("What"))
    def what(self, entry: AuditEntry) -> str:
        return capfirst(str(NAMES.get(entry.subject_table, entry.subject_table)))

    @admin.display(description=_("Who"))
    def who(self, entry: Any) -> str:
        return entry.username or ("–" if entry.actor is None else str(entry.actor))


@admin.register(AuditCheck)
class AuditCheckAdmin(ReadOnlyAdmin):
    list_display = ["at", "breaks", "first_break", "entries", "rows", "head_seq", "head_hash"]
