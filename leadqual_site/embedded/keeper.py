"""The process that owns one embedded server: starts it, waits until nobody uses it, stops it.

Started by `session.py` as `python -m leadqual_site.embedded.keeper SERVICE DATA_DIR`. Users hold a
shared lock; when the last one ends, however it ends, the keeper gets the lock and stops the server.
A keeper that is itself killed takes the server with it (death signal of the kernel).
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import IO

from leadqual_site.embedded import locks, process
from leadqual_site.embedded.errors import EmbeddedError
from leadqual_site.embedded.places import Place
from leadqual_site.embedded.postgres import Postgres
from leadqual_site.embedded.valkey import Valkey

READY = "ready"
POLL_SECONDS = 0.05
ORPHAN_SECONDS = 5.0
LOG_LIMIT_BYTES = 5_000_000


class StopRequested(BaseException):
    """The keeper was asked to stop."""


def main(service: str, root: Path, *, throwaway: bool) -> int:
    """Run one server until nobody uses it. The first line on stdout is `ready` or the error."""
    signal.signal(signal.SIGTERM, _on_terminate)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    place = Place(root, service)
    held: list[int] = []
    try:
        held.append(locks.wait_lock(place.lock("keeper"), seconds=30))
        place.url_file.unlink(missing_ok=True)
        _keep(place, _server(service, root, throwaway=throwaway))
    except StopRequested:
        return 0
    except (EmbeddedError, OSError) as error:
        _say(str(error))
        return 1
    return 0


def _server(service: str, root: Path, *, throwaway: bool) -> Postgres | Valkey:
    if service == "postgres":
        return Postgres(root, throwaway=throwaway)
    return Valkey(root, throwaway=throwaway)


def _keep(place: Place, server: Postgres | Valkey) -> None:
    guard = _guard(place, server)
    with _open_log(place) as log:
        child, url = server.start(log=log, keep=guard)
    # The server holds this lock now, with all its processes: it is free when the last is gone.
    os.close(guard)
    try:
        partial = place.url_file.with_suffix(".partial")
        partial.write_text(url + "\n")
        partial.rename(place.url_file)
        _say(READY)
        _wait_for_end_of_use(place, child)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        place.url_file.unlink(missing_ok=True)
        process.stop(child, server.stop_steps)
        server.forget()


def _guard(place: Place, server: Postgres | Valkey) -> int:
    """The lock that a server holds while it lives; waits for one that is still going down."""
    try:
        return locks.wait_lock(place.lock("server"), seconds=ORPHAN_SECONDS)
    except EmbeddedError:
        server.rescue()
        return locks.wait_lock(place.lock("server"), seconds=30)


def _wait_for_end_of_use(place: Place, child: "subprocess.Popen[bytes]") -> None:
    use = locks.open_lock(place.lock("use"))
    # Held until this process ends: who joins meanwhile waits, and starts another keeper then.
    while child.poll() is None and not locks.try_lock(use):
        time.sleep(POLL_SECONDS)


def _open_log(place: Place) -> IO[bytes]:
    too_long = place.log_file.exists() and place.log_file.stat().st_size > LOG_LIMIT_BYTES
    return place.log_file.open("wb" if too_long else "ab")


def _say(line: str) -> None:
    """Answer the process that waits for this keeper; it may be gone."""
    try:
        os.write(sys.stdout.fileno(), (line.replace("\n", " ") + "\n").encode())
    except OSError:
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _on_terminate(_number: int, _frame: FrameType | None) -> None:
    raise StopRequested


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), throwaway="--throwaway" in sys.argv[3:]))
