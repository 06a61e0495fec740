"""Gives a test session its own PostgreSQL and Valkey, before pytest-django reads the settings.

Loaded by `-p tests.services_plugin` (pyproject.toml). TEST_DATABASE_URL / TEST_REDIS_URL name other
servers; DATABASE_URL / REDIS_URL are ignored, so that no test ever meets an installation's data.
"""

import atexit
import os
import re
import shutil
import tempfile
from collections.abc import Generator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from leadqual_site.embedded import session

WORKER = "PYTEST_XDIST_WORKER"
FOLDER_PREFIX = "leadqual-tests-"
SETTINGS = {"SECRET_KEY": "only-for-tests", "HTTPS": "0", "HASHED_STATIC_FILES": "0"}

_session = ExitStack()
# pytest_unconfigure is not called when the settings or an app fail to load.
atexit.register(_session.close)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """Start the servers once, in the process that the others are started from."""
    if WORKER in os.environ:
        os.environ["REDIS_URL"] = with_database(os.environ["REDIS_URL"], worker_number() + 1)
    else:
        os.environ.update(SETTINGS | start_servers(os.environ))
    yield


def pytest_unconfigure() -> None:
    """Stop the servers that this process started."""
    _session.close()


def start_servers(environment: Mapping[str, str]) -> dict[str, str]:
    """The two URLs of the session; starts what the environment does not name."""
    found = {
        "postgres": environment.get("TEST_DATABASE_URL", ""),
        "valkey": environment.get("TEST_REDIS_URL", ""),
    }
    missing = [service for service, url in found.items() if not url]
    if missing:
        root = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir="/tmp"))
        _session.callback(shutil.rmtree, root, ignore_errors=True)
        # Root's PostgreSQL runs as another user, who must be able to enter.
        root.chmod(0o755)
        found |= _session.enter_context(session.servers(root, missing, throwaway=True))
    return {"DATABASE_URL": found["postgres"], "REDIS_URL": found["valkey"]}


def worker_number() -> int:
    """The number in xdist's name of this process: 0 for gw0."""
    return int(os.environ[WORKER].removeprefix("gw"))


def with_database(url: str, index: int) -> str:
    """The Redis URL with another database index, so that test processes do not meet."""
    if "db=" in url:
        return re.sub(r"db=\d+", f"db={index}", url)
    if url.startswith("unix:"):
        return f"{url}{'&' if '?' in url else '?'}db={index}"
    return re.sub(r"^(rediss?://[^/?]+)(/\d*)?", rf"\1/{index}", url)
