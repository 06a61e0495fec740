"""Gives a `manage.py` command the servers that it needs. Called by `manage.py`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from leadqual_site import env
from leadqual_site.embedded import places, session

# These look at code, files or their own input only.
WITHOUT_SERVERS = frozenset(
    {
        *("help", "version", "check", "diffsettings", "collectstatic", "findstatic"),
        *("makemessages", "compilemessages", "startapp", "startproject"),
        *("business_time", "fairness"),
    }
)


def needs_servers(arguments: Sequence[str]) -> bool:
    """Whether a command line (without the program's name) may connect to a server."""
    command = next((word for word in arguments if not word.startswith("-")), None)
    if command is None or {"-h", "--help", "--version"} & set(arguments):
        return False
    if command == "check":
        return any(word.startswith("--database") for word in arguments)
    return command not in WITHOUT_SERVERS


@contextmanager
def servers_for(arguments: Sequence[str]) -> Iterator[None]:
    """Have the embedded servers running while a command runs, unless it needs none."""
    services = env.embedded_services() if needs_servers(arguments) else []
    with session.servers(places.data_dir(), services):
        yield
