#!/usr/bin/env python3
"""Runs management commands, with the embedded servers where no other servers are named."""

import os
import sys


def main() -> int:
    """Run the command line; 1 after one clear line when the servers or the settings fail."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadqual_site.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        print(
            "Django is not installed here: run `make install`, then .venv/bin/python manage.py",
            file=sys.stderr,
        )
        return 1
    from leadqual_site.embedded.commands import servers_for
    from leadqual_site.embedded.errors import EmbeddedError
    from leadqual_site.env import InvalidEnvironment

    try:
        with servers_for(sys.argv[1:]):
            execute_from_command_line(sys.argv)
    except (EmbeddedError, InvalidEnvironment) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
