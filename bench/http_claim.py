#!/usr/bin/env python3
"""Empties a queue over HTTP with many logged-in people at once, in an installation of its own.

The server is the product's own: gunicorn as the supervisor starts it. What was claimed twice or not
at all is counted by SQL over the rows. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import http.client
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_ROOT))

HOST = "127.0.0.1"
START_SECONDS = 60


def arguments() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--leads", type=int, default=2000, help="leads in the queue")
    parser.add_argument("--clients", type=int, default=50, help="people who press Next at once")
    parser.add_argument("--workers", type=int, default=4, help="web processes")
    chosen = parser.parse_args()
    if chosen.leads < 1 or not 1 <= chosen.clients <= 200 or not 1 <= chosen.workers <= 16:
        parser.error("--leads is 1 or more, --clients 1 to 200, --workers 1 to 16")
    return chosen


def logged_in(person_ids: list[int]) -> list[str]:
    """The session cookie of each person."""
    from django.conf import settings
    from django.test import Client

    from crm.models import User

    cookies = []
    for person in User.objects.filter(pk__in=person_ids):
        browser = Client()
        browser.force_login(person, backend="crm.log_in.PersonBackend")
        name = settings.SESSION_COOKIE_NAME
        cookies.append(f"{name}={browser.cookies[name].value}")
    return cookies


@contextmanager
def web(workers: int) -> Iterator[int]:
    """The web processes on a free port, until the block ends."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "leadqual_site.wsgi:application"]
    command += ["--bind", f"{HOST}:{port}", "--workers", str(workers), "--log-level", "warning"]
    command += ["--worker-class", "gthread", "--threads", "4", "--no-control-socket"]
    process = subprocess.Popen(command, cwd=PROJECT_ROOT, env={**os.environ, "HTTPS": "0"})
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            if _answer(port, "GET", "/healthz", {})[0] == 200:
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the web processes do not answer")


def _answer(port: int, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
    """(status, where it leads)."""
    connection = http.client.HTTPConnection(HOST, port, timeout=120)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        response.read()
        return response.status, response.getheader("Location") or ""
    finally:
        connection.close()


def press_next(port: int, session: str, start: threading.Barrier, out: list[float]) -> None:
    """Presses Next until the queue is clear; the seconds of each answer. One that is no answer is
    minus one second: the last line counts them."""
    token = secrets.token_hex(16)
    headers = {"Cookie": f"{session}; csrf={token}", "X-CSRFToken": token}
    headers |= {"Content-Length": "0", "Content-Type": "application/x-www-form-urlencoded"}
    start.wait()
    while True:
        began = time.perf_counter()
        status, where = _answer(port, "POST", "/queue/next/", headers)
        taken = time.perf_counter() - began
        if status != 302:
            out.append(-1)
            return
        if not where.startswith("/leads/"):
            return
        out.append(taken)


def drain(port: int, sessions: list[str]) -> tuple[float, list[float]]:
    """Everybody presses at once; wall seconds and the seconds of each claim, sorted."""
    start = threading.Barrier(len(sessions) + 1)
    found: list[list[float]] = [[] for _ in sessions]
    threads = [
        threading.Thread(target=press_next, args=(port, session, start, seconds))
        for session, seconds in zip(sessions, found, strict=True)
    ]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began, sorted(second for each in found for second in each)


def measure(chosen: argparse.Namespace) -> str:
    """The whole run; its last line."""
    from bench.claim import counted, fill_queue

    sessions = logged_in(fill_queue("claimer", chosen.leads, chosen.clients))
    with web(chosen.workers) as port:
        wall, answers = drain(port, sessions)
    seconds = [each for each in answers if each >= 0]
    if not seconds:
        raise SystemExit("nobody got a lead")
    doubled, lost = counted()
    p50, p95, p99 = (seconds[int(len(seconds) * share)] * 1000 for share in (0.5, 0.95, 0.99))
    return (
        f"claims={len(seconds)} errors={len(answers) - len(seconds)} doubled={doubled} lost={lost}"
        f" p50={p50:.0f} p95={p95:.0f} p99={p99:.0f} seconds={wall:.1f}"
    )


def main() -> int:
    """Run the measurement; 1 when a lead was claimed twice or not at all."""
    chosen = arguments()
    os.environ |= {"CLAIM_LIMIT": str(chosen.leads + 1), "HTTPS": "0"}
    os.environ["HASHED_STATIC_FILES"] = "0"
    from bench.closed_loop import own_installation

    with own_installation():
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        line = measure(chosen)
    print(line)
    return 0 if " errors=0 doubled=0 lost=0 " in line else 1


if __name__ == "__main__":
    sys.exit(main())
