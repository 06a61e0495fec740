"""Two kinds of admin pages: those an admin edits and those an admin only reads."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from crm.roles import Role, roles_of


def is_admin(request: HttpRequest) -> bool:
    """Whether the person holds the role admin."""
    return Role.ADMIN in roles_of(request.user)


class AdminsOnly:
    """The role admin grants everything here; Django's per-model permissions are not used."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_admin(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request)


class EditableAdmin(AdminsOnly, ModelAdmin):
    """A page to edit; big tables are never counted in full."""

    show_full_result_count = False
    list_per_page = 50
    list_before_template = "admin/leadqual/_purpose.html"


class ReadOnlyAdmin(EditableAdmin):
    """A page to look: these rows are written by one door elsewhere."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class EditableInline(AdminsOnly, TabularInline):
    """Rows edited on the page of their parent."""

    extra = 0
