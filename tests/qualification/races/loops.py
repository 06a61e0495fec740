"""What sweeps, as processes: loops of a scheduler that rings and a worker that passes, each as on a
host where `make run` supervises them, and a web server beside them."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from redis import Redis

from leadqual_site.embedded import supervisor
from leadqual_site.embedded.children import Child
from tests.qualification.races.own_server import children_of

Seconds = float


@dataclass
class Down:
    """Spans in which nobody could write a fact down: no server, no worker, or nobody who rings."""

    spans: list[tuple[Seconds, Seconds]] = field(default_factory=list)
    since: Seconds | None = None

    def see(self, *, is_up: bool, at: Seconds) -> None:
        """What stands at a moment; spans begin and end when it is seen."""
        if is_up and self.since is not None:
            self.spans.append((self.since, at))
            self.since = None
        elif not is_up and self.since is None:
            self.since = at

    def within(self, start: Seconds, end: Seconds) -> Seconds:
        """How much of a span was down."""
        return sum(max(0.0, min(end, last) - max(start, first)) for first, last in self.spans)


class Loops:
    """Some and the web, on one database and one Redis; `look` starts again what ended."""

    def __init__(self, environment: dict[str, str], count: int) -> None:
        self.port = _free_port()
        of_host = supervisor.commands(self.port, web=1, workers=1)
        self.redis = Redis.from_url(environment["REDIS_URL"])
        self.workers: dict[str, Child] = {}
        self.schedulers: dict[str, Child] = {}
        for name in (f"loop {number + 1}" for number in range(count)):
            named = environment | {"PGAPPNAME": name}
            self.workers[name] = _child(f"worker of {name}", of_host["worker 1"], named)
            self.schedulers[name] = _child(f"scheduler of {name}", of_host["scheduler"], named)
        self.web = _child("web", of_host["web"], environment)
        self.down, self.is_server_up = Down(), True
        self.frozen: set[str] = set()
        self.ready: set[int] = set()

    def look(self) -> None:
        """Supervises once, and sees whether anybody can sweep."""
        for child in self._children():
            # The web comes last: what sweeps is wanted sooner, and two cores are two cores.
            if child is not self.web or self.are_ready():
                child.check(time.monotonic())
        is_up = self.is_server_up and self._is_one_ready(self.schedulers.values())
        awake = [child for name, child in self.workers.items() if name not in self.frozen]
        self.down.see(is_up=is_up and self._is_one_ready(awake), at=time.time())

    def until(self, condition: Callable[[], bool], *, seconds: Seconds = 60) -> None:
        """Supervises until it is so."""
        deadline = time.monotonic() + seconds
        while True:
            self.look()
            if condition():
                return
            assert time.monotonic() < deadline, f"not so after {seconds} s"
            time.sleep(0.01)

    def are_ready(self) -> bool:
        """Each worker listens, and each scheduler is about to ring."""
        each = (*self.workers.values(), *self.schedulers.values())
        return all(self._is_one_ready([child]) for child in each)

    def kill(self, child: Child) -> None:
        """With whatever it started: a worker passes in a process of its own."""
        self._send(child, signal.SIGKILL)
        child.failures = 0  # elsewhere hours lie between; here pauses would grow to half a minute
        if child.process is not None:
            child.process.wait()
        self.look()

    def freeze(self, name: str) -> None:
        """A worker stands still, wherever it is."""
        self._send(self.workers[name], signal.SIGSTOP)
        self.frozen.add(name)
        self.look()

    def thaw(self) -> None:
        """Whoever stands still goes on as if nothing had happened."""
        for name in self.frozen:
            self._send(self.workers[name], signal.SIGCONT)
        self.frozen.clear()
        self.look()

    def answer(self, path: str) -> tuple[int, str]:
        """What somebody with a session gets from the web server; status 0 when it is not there."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        request.add_header("Cookie", "session=of-somebody-who-was-logged-in")
        try:
            with urllib.request.urlopen(request, timeout=10) as found:  # noqa: S310
                return found.status, found.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()
        except OSError:
            return 0, ""

    def end(self) -> None:
        """None of them outlives the test."""
        for child in self._children():
            self._send(child, signal.SIGKILL)
            if child.process is not None:
                child.process.wait()
        self.redis.close()

    def _children(self) -> list[Child]:
        return [*self.workers.values(), *self.schedulers.values(), self.web]

    def _send(self, child: Child, number: signal.Signals) -> None:
        if child.process is None:
            return
        for pid in (child.process.pid, *children_of(child.process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _is_one_ready(self, children: Iterable[Child]) -> bool:
        """Whether a process that lives has told Redis that it is there."""
        running = [child.process for child in children if child.process is not None]
        living = {process.pid for process in running if process.poll() is None}
        if living and not living & self.ready:
            self.ready |= self._told()
        return bool(living & self.ready)

    def _told(self) -> set[int]:
        """Numbers of the processes that listen or ring, also of dead ones."""
        workers = [self.redis.hget(key, "pid") for key in self.redis.smembers("rq:workers")]
        names = self.redis.zrange("rq:cron_schedulers", 0, -1)
        schedulers = [name.rsplit(b":", 2)[1] for name in names]
        return {int(pid) for pid in (*workers, *schedulers) if pid}


def _child(name: str, command: list[str], environment: dict[str, str]) -> Child:
    return Child(name, [sys.executable, *command], environment)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
