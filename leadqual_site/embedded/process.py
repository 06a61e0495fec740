"""Starts child processes that die with their parent, and stops them. Used inside this package."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from leadqual_site.embedded.accounts import Account

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(death_signal: signal.Signals, parent: int) -> None:
    """Ask the kernel to send this process a signal when its parent ends (Linux only)."""
    if _libc is None:
        return
    _libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), death_signal)


def _in_child(death_signal: signal.Signals) -> Callable[[], None]:
    parent = os.getpid()

    def prepare() -> None:
        # After the change of user: the kernel forgets the death signal with it.
        die_with_parent(death_signal, parent)

    return prepare


def spawn(
    command: Sequence[str],
    *,
    output: IO[bytes] | int | None,
    errors: IO[bytes] | int | None = subprocess.STDOUT,
    death_signal: signal.Signals,
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: str = "/",
    keep: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own; `keep` lists descriptors that it inherits."""
    identity: dict[str, Any] = account.identity() if account else {}
    return subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors if output is not None else None,
        cwd=cwd,
        env=dict(environment) if environment is not None else None,
        pass_fds=tuple(keep),
        start_new_session=True,
        preexec_fn=_in_child(death_signal),  # noqa: PLW1509 - our parents have one thread
        **identity,
    )


def stop(process: "subprocess.Popen[bytes]", steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn and wait its seconds, until the process has ended; then SIGKILL."""
    for step, seconds in steps:
        if process.poll() is not None:
            return
        process.send_signal(step)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    if process.poll() is None:
        process.kill()
        process.wait()


def wait_until(
    ready: Callable[[], bool], process: "subprocess.Popen[bytes]", *, seconds: float
) -> bool:
    """Poll until ready; False when the process ended or the time is over."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        if ready():
            return True
        time.sleep(0.02)
    return False


def clean_environment() -> dict[str, str]:
    """The environment without PG* variables, which would redirect PostgreSQL's own programs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}
