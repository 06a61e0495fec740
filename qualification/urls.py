"""URLs grouped by noun; one POST-only URL a verb."""

from django.urls import path

from qualification.views import home, shell

app_name = "qualification"

shell_urls = [
    path("", home.home, name="home"),
    path("theme/", shell.set_theme, name="theme"),
    path("keys/", shell.set_keys, name="keys"),
    path("healthz", shell.healthz, name="healthz"),
]

urlpatterns = shell_urls
