"""File locks (flock): the kernel drops them with their holder, so a kill -9 leaves none behind.

Used inside this package only.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leadqual_site.embedded.errors import EmbeddedError

POLL_SECONDS = 0.02


def open_lock(path: Path) -> int:
    """Open a lock file (made when missing) and return its descriptor, which holds no lock yet."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take or convert the lock of a descriptor without waiting; False when somebody holds it."""
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_lock(path: Path, *, shared: bool = False, seconds: float = 60) -> int:
    """Take the lock of a path and return its descriptor. EmbeddedError after `seconds`."""
    descriptor = open_lock(path)
    deadline = time.monotonic() + seconds
    while not try_lock(descriptor, shared=shared):
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise EmbeddedError(f"{path} has been locked by another process for {seconds:.0f} s")
        time.sleep(POLL_SECONDS)
    return descriptor


@contextmanager
def exclusive(path: Path, *, seconds: float = 60) -> Iterator[None]:
    """Hold the lock of a path alone. EmbeddedError after `seconds`."""
    descriptor = wait_lock(path, seconds=seconds)
    try:
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether some process holds the lock of a path alone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(descriptor, shared=True)
    finally:
        os.close(descriptor)


def wait_free(path: Path, *, seconds: float = 60) -> bool:
    """Wait until nobody holds the lock of a path alone; False after `seconds`."""
    deadline = time.monotonic() + seconds
    while is_held(path):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
