"""The Django admin of LeadQual: for admins only, with the one relaxation its theme needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite

from crm.roles import Role, roles_of

# The theme's Alpine evaluates attributes, and it writes style attributes and two style elements:
# the colours of our settings, and what its scroll bars are measured with. Scripts stay ours.
THEME_STYLES = (
    "'sha256-hq1Nea1iSXvzbyV4FTcnEKvCcj1easBL5b3OPyM2QO0='",
    "'sha256-bsV5JivYxvGywDAZ22EZJKBFip65Ng9xoJVLbBg7bdo='",
)
THEME_POLICY = {
    "script-src": [UNSAFE_EVAL],
    "style-src": list(THEME_STYLES),
    "style-src-attr": [SELF, UNSAFE_INLINE],
}


class LeadQualAdminSite(UnfoldAdminSite):
    """Opens for the role admin; nobody else, staff or not."""

    index_title = _("Settings and records")

    def has_permission(self, request: HttpRequest) -> bool:
        return Role.ADMIN in roles_of(request.user)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """The theme chosen in the workspace counts here too."""
        chosen = request.COOKIES.get("theme", "")
        theme = chosen if chosen in ("light", "dark") else None
        context: dict[str, Any] = super().each_context(request)
        return context | {"theme": theme}

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
