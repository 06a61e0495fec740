"""Keeps the processes of one installation running. Called by the supervisor only.

A process that ends on its own is started again, after 1, 2, 4 … 30 s. A vital one that ends
MAX_FAILURES times without a healthy minute in between stops everything: that is no accident.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from leadqual_site.embedded import process
from leadqual_site.embedded.errors import EmbeddedError
from leadqual_site.embedded.places import PROJECT_ROOT

MAX_FAILURES = 5
HEALTHY_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 30.0
# The first signal lets requests and jobs finish, the second one breaks a job off.
STOP_STEPS = ((signal.SIGTERM, 10.0), (signal.SIGTERM, 5.0))


def say(line: str) -> None:
    """One line of progress on stderr."""
    print(line, file=sys.stderr, flush=True)


@dataclass
class Child:
    """One process of the installation, with its history of failures."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    vital: bool = False
    process: "subprocess.Popen[bytes] | None" = None
    failures: int = 0
    started: float = 0.0
    next_start: float = 0.0

    def start(self, now: float) -> None:
        """Start the process; it is killed when the supervisor dies."""
        self.process = process.spawn(
            self.command,
            output=None,
            death_signal=signal.SIGKILL,
            environment=self.environment,
            cwd=str(PROJECT_ROOT),
        )
        self.started = now

    def check(self, now: float) -> None:
        """Start the process when it is due; EmbeddedError when it failed too often."""
        if self.process is None:
            if now >= self.next_start:
                self.start(now)
            return
        code = self.process.poll()
        if code is None:
            return
        self.failures = 1 if now - self.started > HEALTHY_SECONDS else self.failures + 1
        if self.vital and self.failures >= MAX_FAILURES:
            raise EmbeddedError(
                f"{self.name} ended {self.failures} times (exit code {code}); stopping all"
            )
        pause = min(2.0 ** min(self.failures - 1, 9), LONGEST_PAUSE_SECONDS)
        say(f"{self.name} ended (exit code {code}); starting it again in {pause:.0f} s")
        self.process, self.next_start = None, now + pause


def stop_all(children: Sequence[Child]) -> None:
    """Stop all processes at once, each with time to finish what it does."""
    running = [child.process for child in children if child.process]
    for step, seconds in STOP_STEPS:
        _signal(running, step)
        deadline = time.monotonic() + seconds
        while _alive(running) and time.monotonic() < deadline:
            time.sleep(0.05)
    for one in _alive(running):
        process.stop(one, ())


def _signal(running: Sequence["subprocess.Popen[bytes]"], step: signal.Signals) -> None:
    for one in _alive(running):
        one.send_signal(step)


def _alive(running: Sequence["subprocess.Popen[bytes]"]) -> list["subprocess.Popen[bytes]"]:
    return [one for one in running if one.poll() is None]
