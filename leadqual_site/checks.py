"""System checks: a configuration mistake stops the start with a clear hint."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def check_secret_key(**kwargs: Any) -> list[CheckMessage]:
    """A secret key of one's own wherever the database is one's own."""
    if settings.IS_EMBEDDED or settings.SECRET_KEY:
        return []
    return [
        Error(
            "SECRET_KEY is not set.",
            hint="Set SECRET_KEY (or SECRET_KEY_FILE) to 50 or more random characters.",
            id="leadqual.E001",
        )
    ]


@register()
def check_public_url(**kwargs: Any) -> list[CheckMessage]:
    """Links in messages lead somewhere, or there are none."""
    parts = urlsplit(settings.PUBLIC_URL)
    if not settings.PUBLIC_URL or (parts.scheme in ("http", "https") and parts.hostname):
        return []
    return [
        Error(
            f"PUBLIC_URL is {settings.PUBLIC_URL!r}; it must be a web address.",
            hint="Such as https://leads.example.com",
            id="leadqual.E003",
        )
    ]


@register()
def check_policy_figures(**kwargs: Any) -> list[CheckMessage]:
    """Figures of policy are positive numbers."""
    return [
        Error(f"{name} is {value}; it must be above 0.", id="leadqual.E002")
        for name, value in settings.LEADQUAL.items()
        if value <= 0
    ]
