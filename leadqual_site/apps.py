"""App configuration of the composition root: loads the system checks."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "leadqual_site"
    verbose_name = "LeadQual"

    def ready(self) -> None:
        from leadqual_site import checks  # noqa: F401
