"""The five roles. A role is a Django group of the same name; a person may hold several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from crm.models.people import User


class Role(TextChoices):
    SDR = "sdr", _("SDR")
    AE = "ae", _("AE")
    MANAGER = "manager", _("Manager")
    ADMIN = "admin", _("Admin")
    MARKETING = "marketing", _("Marketing")


def roles_of(user: User | AnonymousUser) -> frozenset[str]:
    """Names of the roles of an active user, cached on the user object for the request.

    A superuser counts as admin.
    """
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    if not hasattr(user, "_roles"):
        remember_roles(user, user.groups.values_list("name", flat=True))
    return user._roles


def remember_roles(user: User, groups: Iterable[str]) -> None:
    """Fills the cache of `roles_of` from the names of the user's groups, fetched by the caller."""
    names = set(groups) & set(Role.values)
    if user.is_superuser:
        names.add(Role.ADMIN)
    # By attribute, not in `__dict__`: the user of a request is a wrapper with a dict of its own.
    user._roles = frozenset(names)
