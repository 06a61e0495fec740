"""`make run`: one product on one machine, started once, stopped whole, restarted after a kill."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import pytest

from leadqual_site.embedded import children, locks
from leadqual_site.embedded.children import Child
from leadqual_site.embedded.errors import EmbeddedError
from leadqual_site.embedded.places import PROJECT_ROOT, SERVICES, Place

STARTED_SECONDS = 180
SMALL = {"WEB_CONCURRENCY": "2", "WORKERS": "2", "DEMO_LEADS": "40"}
COMMAND = [sys.executable, "-m", "leadqual_site.embedded.supervisor"]


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(data_dir, port):
    """A whole product; yields the process and what it printed until it answered."""
    log = data_dir.parent / "output"
    with log.open("w+") as output:
        process = subprocess.Popen(
            COMMAND,
            cwd=PROJECT_ROOT,
            env=os.environ | SMALL | {"PORT": str(port)},
            stdout=output,
            stderr=output,
        )
        try:
            deadline = time.monotonic() + STARTED_SECONDS
            while "LeadQual runs on" not in log.read_text() and process.poll() is None:
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            assert process.poll() is None, log.read_text()
            yield process, log
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(60)


def status(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
        return answer.status


def assert_nothing_is_left(data_dir, port):
    for service in SERVICES:
        assert locks.wait_free(Place(data_dir, service).lock("keeper"), seconds=30)
        assert locks.wait_free(Place(data_dir, service).lock("server"), seconds=30)
    deadline = time.monotonic() + 15
    with socket.socket() as probe:
        while probe.connect_ex(("127.0.0.1", port)) == 0:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_it_runs_refuses_a_second_start_survives_a_kill_and_stops_whole(data_dir, port):
    with running(data_dir, port) as (process, log):
        assert status(port) == 200
        assert "worker 1, worker 2, scheduler" in log.read_text()
        second = subprocess.run(
            COMMAND, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
        )
        assert second.returncode == 1
        assert re.search(rf"already runs in {data_dir} \(process \d+, port {port}\)", second.stderr)
        assert len(second.stderr.splitlines()) == 1
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert_nothing_is_left(data_dir, port)
    with running(data_dir, port) as (process, log):
        assert "Making the demo data" not in log.read_text()
        assert status(port) == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert log.read_text().endswith("Stopped.\n")
    assert_nothing_is_left(data_dir, port)


@pytest.mark.parametrize(
    ("variable", "line"),
    [
        ("PORT=x", "PORT must be a whole number, not 'x'"),
        ("PORT=70000", "PORT must be between 1 and 65535, not 70000"),
        ("WORKERS=0", "WORKERS must be between 1 and 65535, not 0"),
        ("DEMO_LEADS=0", "DEMO_LEADS must be between 1 and 65535, not 0"),
    ],
)
def test_it_refuses_wrong_figures_with_one_line(data_dir, variable, line):
    done = subprocess.run(
        COMMAND,
        cwd=PROJECT_ROOT,
        env=os.environ | dict([variable.split("=")]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, f"{line}\n")
    assert not data_dir.exists()


def test_it_names_a_taken_port(data_dir):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            COMMAND,
            cwd=PROJECT_ROOT,
            env=os.environ | {"PORT": str(port)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"port {port} cannot be used")
    assert not (data_dir / "postgres").exists()


def ended(child):
    child.process.wait()
    return child


def test_a_process_that_ends_is_started_again_after_growing_pauses(capsys):
    child = Child("worker 1", [sys.executable, "-c", "raise SystemExit(3)"], dict(os.environ))
    now, pauses = 100.0, []
    for _ in range(8):
        child.check(now)
        ended(child).check(now)
        assert child.process is None
        pauses.append(child.next_start - now)
        child.check(child.next_start - 0.01)
        assert child.process is None
        now = child.next_start
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert "worker 1 ended (exit code 3); starting it again in 1 s" in capsys.readouterr().err


def test_a_healthy_minute_starts_the_pauses_anew():
    child = Child("worker 1", [sys.executable, "-c", ""], dict(os.environ), failures=6)
    child.check(100.0)
    ended(child).check(100.0 + children.HEALTHY_SECONDS + 1)
    assert child.failures == 1


def test_a_vital_process_that_keeps_ending_stops_everything():
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    failures = children.MAX_FAILURES - 1
    child = Child("web", command, dict(os.environ), vital=True, failures=failures)
    child.check(100.0)
    with pytest.raises(EmbeddedError, match="web ended 5 times"):
        ended(child).check(101.0)


def test_a_process_that_ignores_the_polite_signals_is_killed(monkeypatch, tmp_path):
    monkeypatch.setattr(children, "STOP_STEPS", ((signal.SIGTERM, 0.2),))
    deaf = tmp_path / "deaf"
    code = (
        "import pathlib, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"
    )
    child = Child("web", [sys.executable, "-c", code, str(deaf)], dict(os.environ))
    child.start(0.0)
    deadline = time.monotonic() + 60
    while not deaf.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    children.stop_all([child])
    assert child.process.returncode == -signal.SIGKILL
