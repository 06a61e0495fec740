"""WSGI entry point, used by the web server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadqual_site.settings")

application = get_wsgi_application()
