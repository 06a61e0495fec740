"""WSGI entry point, used by the web server."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import resolve

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadqual_site.settings")
# Nobody waits longer for a page, and no page keeps PostgreSQL busy after its reader gave up.
os.environ.setdefault("STATEMENT_SECONDS", "15")

application = get_wsgi_application()
# Imports every view now: a worker that is started anew takes its time before its first request, not
# while fifty people wait for it.
resolve("/")
