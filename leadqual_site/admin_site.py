"""The Django admin of LeadQual: for admins only, with the one relaxation its theme needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest, HttpResponse
from unfold.sites import UnfoldAdminSite

from crm.roles import Role, roles_of

# The theme's Alpine evaluates attributes, and it writes style attributes and these two style
# elements. Scripts stay ours.
THEME_STYLES = (
    "'sha256-CftXQ/6rIQ3AMOrJUsQzoK+KGLgk4scJJlfXyvE/1mQ='",
    "'sha256-bsV5JivYxvGywDAZ22EZJKBFip65Ng9xoJVLbBg7bdo='",
)
THEME_POLICY = {
    "script-src": [UNSAFE_EVAL],
    "style-src": list(THEME_STYLES),
    "style-src-attr": [SELF, UNSAFE_INLINE],
}


class LeadQualAdminSite(UnfoldAdminSite):
    """Opens for the role admin; nobody else, staff or not."""

    def has_permission(self, request: HttpRequest) -> bool:
        return Role.ADMIN in roles_of(request.user)

    def admin_view(
        self,
        view: Callable[..., HttpResponse],
        cacheable: bool = False,  # noqa: FBT001, FBT002
    ) -> Callable[..., HttpResponse]:
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def with_theme_policy(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            response: HttpResponse = inner(request, *args, **kwargs)
            response._csp_update = THEME_POLICY  # type: ignore[attr-defined]
            return response

        return with_theme_policy


class LeadQualAdminConfig(AdminConfig):
    """Makes the site above the default one, for `admin.site` and `@admin.register`."""

    default_site = "leadqual_site.admin_site.LeadQualAdminSite"
