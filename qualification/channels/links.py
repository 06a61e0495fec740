"""Links from outside into LeadQual. There are none without PUBLIC_URL: a guessed one would lead
people to the wrong place."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse


def page_url(path: str) -> str:
    """The full address of a page; blank without a path or without PUBLIC_URL."""
    base: str = settings.PUBLIC_URL.rstrip("/")
    return f"{base}{path}" if base and path else ""


def preferences_url() -> str:
    """Where a person chooses what reaches them."""
    return page_url(reverse("qualification:notice-preferences"))
