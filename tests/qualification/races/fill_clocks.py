"""Fills leads with running clocks, all of which fall due much later: `python fill_clocks.py N`. A
process of its own, as the database is not that of the tests."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
os.environ["DJANGO_SETTINGS_MODULE"] = "leadqual_site.settings"


def main(clocks: int) -> None:
    """A team with a manager, and its queue."""
    import django

    django.setup()
    from django.utils import timezone

    from qualification.models import SLATimer
    from tests import factories
    from tests.qualification import queue_support as rows

    now = timezone.now()
    team = factories.TeamFactory(name="EMEA")
    factories.person("manager", team)
    # Long ago: what comes in bulk gets due times spread by capacity, over weeks.
    rows.many_waiting(clocks, team, now=now - dt.timedelta(days=365))
    SLATimer.objects.update(next_at=now + dt.timedelta(days=1))


if __name__ == "__main__":
    main(int(sys.argv[1]))
