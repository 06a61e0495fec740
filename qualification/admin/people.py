"""People, their roles (groups) and teams."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from crm.models import Team, User
from crm.roles import Role
from qualification.admin.base import EditableAdmin
from qualification.admin.fields import ZoneField

# Roles are fixed; a group without code behind it would promise a right nobody checks.
admin.site.unregister(Group)


@admin.register(Team)
class TeamAdmin(EditableAdmin):
    list_display = ["name", "is_fallback"]
    search_fields = ["name"]


class RolesField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Groups by the names of their roles."""

    def label_from_instance(self, obj: Group) -> str:
        return str(Role(obj.name).label)


class PersonForm(UserChangeForm):
    time_zone = ZoneField()


@admin.register(User)
class UserAdmin(EditableAdmin, DjangoUserAdmin):  # type: ignore[type-arg]
    form = PersonForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "first_name", "last_name", "team", "roles", "is_active"]
    list_filter = ["groups", "team", "is_active"]
    search_fields = ["username", "first_name", "last_name", "email"]
    filter_horizontal = ()
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (_("Person"), {"fields": ["first_name", "last_name", "email", "time_zone"]}),
        (_("Work"), {"fields": ["team", "groups", "is_active", "has_single_keys"]}),
        (_("Dates"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (
            None,
            {
                "classes": ["wide"],
                "fields": ["username", "email", "team", "groups", "password1", "password2"],
            },
        )
    ]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # decisions and touches name them; they are switched off instead

    @admin.display(description=_("roles"))
    def roles(self, user: User) -> str:
        names = {group.name for group in user.groups.all()}
        return ", ".join(str(role.label) for role in Role if role in names)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("team").prefetch_related("groups")

    def formfield_for_manytomany(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> forms.ModelMultipleChoiceField[Any] | None:
        if db_field.name != "groups":
            return super().formfield_for_manytomany(db_field, request, **kwargs)
        return RolesField(
            queryset=Group.objects.filter(name__in=Role.values),
            label=_("Roles"),
            required=False,
            widget=UnfoldAdminCheckboxSelectMultipleWidget,
        )
