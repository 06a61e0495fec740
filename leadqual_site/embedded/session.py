"""Uses the embedded servers: joins those that run, else starts them; the last user stops them.

Called by `manage.py`, the supervisor and the tests' services plugin.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from leadqual_site.embedded import locks
from leadqual_site.embedded.errors import EmbeddedError
from leadqual_site.embedded.places import PROJECT_ROOT, Place

JOIN_SECONDS = 120.0
LEAVE_SECONDS = 60.0
LOG_LINES = 8

# Keepers that we started and others still use; kept, as Python warns about forgotten children.
_left_to_others: list["subprocess.Popen[str]"] = []


@contextmanager
def servers(
    root: Path, services: Sequence[str], *, throwaway: bool = False
) -> Iterator[dict[str, str]]:
    """Have the servers of a folder running inside the block; yields the URL of each.

    Several processes may be inside at once: the servers stop when the last one leaves or dies.
    `throwaway` trades safety of the data for speed. EmbeddedError when a server does not start.
    """
    with ExitStack() as stack:
        yield {
            service: stack.enter_context(_server(Place(root, service), throwaway=throwaway))
            for service in services
        }


@contextmanager
def _server(place: Place, *, throwaway: bool) -> Iterator[str]:
    try:
        place.prepare()
        use, keeper, url = _join(place, throwaway=throwaway)
    except OSError as error:
        raise EmbeddedError(f"DATA_DIR {place.root} cannot be used: {error}") from None
    try:
        yield url
    finally:
        if _leave(place, use) and keeper:
            keeper.wait()
        elif keeper:
            _left_to_others.append(keeper)


def _join(place: Place, *, throwaway: bool) -> tuple[int, "subprocess.Popen[str] | None", str]:
    """Count ourselves as a user, then find the server or start it."""
    with locks.exclusive(place.lock("start"), seconds=JOIN_SECONDS):
        # Waits here while a keeper stops its server; once we hold this no keeper stops any more.
        use = locks.wait_lock(place.lock("use"), shared=True, seconds=JOIN_SECONDS)
        try:
            url = place.running_url()
            if url:
                return use, None, url
            keeper = _start_keeper(place, throwaway=throwaway)
            return use, keeper, place.url_file.read_text().strip()
        except BaseException:
            os.close(use)
            raise


def _leave(place: Place, use: int) -> bool:
    """Stop counting as a user; the last one waits until the keeper has stopped the server.

    Returns whether the keeper has ended.
    """
    with locks.exclusive(place.lock("start"), seconds=JOIN_SECONDS):
        # Nobody can join now, so having the lock alone means being the last.
        last = locks.try_lock(use)
        os.close(use)
        return last and locks.wait_free(place.lock("keeper"), seconds=LEAVE_SECONDS)


def _start_keeper(place: Place, *, throwaway: bool) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "leadqual_site.embedded.keeper"]
    with place.log_file.open("ab") as log:
        keeper = subprocess.Popen(
            [*command, place.service, str(place.root), *(["--throwaway"] if throwaway else [])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=PROJECT_ROOT,
            env=os.environ | {"PYTHONPATH": _python_path()},
            start_new_session=True,
        )
    assert keeper.stdout is not None  # noqa: S101  # nosec
    with keeper.stdout:
        answer = keeper.stdout.readline().strip()
    if answer != "ready":
        keeper.wait()
        raise EmbeddedError(_failure(place, answer))
    return keeper


def _python_path() -> str:
    given = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(PROJECT_ROOT), *([given] if given else [])])


def _failure(place: Place, answer: str) -> str:
    try:
        lines = place.log_file.read_text(errors="replace").splitlines()[-LOG_LINES:]
    except OSError:
        lines = []
    return "\n".join([answer or f"{place.service} did not start", f"({place.log_file}:)", *lines])
