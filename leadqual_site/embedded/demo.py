"""Makes the demo data in an installation without leads, and prints the log-ins.

Run by the supervisor as `python -m leadqual_site.embedded.demo LEADS`: the log-ins on stdout,
progress on stderr. Whether this is the first start is decided by the database, not by a file.
"""

import os
import sys

import django
from django.core.management import call_command
from django.db import transaction


def main() -> int:
    """Seed when there is no lead; print the log-ins of the demo people that exist."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadqual_site.settings")
    django.setup()
    from crm.models import Lead
    from qualification.demo import logins_text

    if not Lead.objects.exists():
        print("Making the demo data (first start) ...", file=sys.stderr, flush=True)
        # All or nothing: an interrupted first start is a first start again.
        with transaction.atomic():
            call_command("seed_demo", leads=int(sys.argv[1]), stdout=sys.stderr)
    print(logins_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
