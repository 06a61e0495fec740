"""The whole product on one machine: servers, migrations, demo data, web, workers, scheduler.

`make run` runs it as `python -m leadqual_site.embedded.supervisor`. Ctrl-C, SIGTERM and SIGHUP stop
everything and exit 0. A web, worker or scheduler process that ends is started again with growing
pauses (`children.py`); when an embedded server ends, everything stops with a line and exit 1.
Environment: PORT, WEB_CONCURRENCY (web processes), WORKERS (background workers), DEMO_LEADS (how
many people of the demo write in, at the first start).
"""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from leadqual_site import env
from leadqual_site.embedded import children, locks, places, process, session, web_address
from leadqual_site.embedded.children import Child, say
from leadqual_site.embedded.errors import EmbeddedError

QUEUES = ("default", "bulk")
STARTED_SECONDS = 60.0
SERVER_NAMES = {"postgres": "PostgreSQL", "valkey": "Valkey"}


class StopRequested(BaseException):
    """Somebody pressed Ctrl-C or asked the process to end."""


def main(arguments: Sequence[str]) -> int:
    """Run until asked to stop; 1 after one clear line when something fails."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, _on_stop)
    if "--with-parent" in arguments:
        process.die_with_parent(signal.SIGTERM, os.getppid())
    try:
        _run(places.data_dir())
    except StopRequested:
        say("Stopped.")
    except (EmbeddedError, env.InvalidEnvironment, OSError) as error:
        say(str(error))
        return 1
    return 0


def _run(root: Path) -> None:
    port = _count("PORT", default=8000)
    web, workers = _count("WEB_CONCURRENCY", default=2), _count("WORKERS", default=1)
    leads = _count("DEMO_LEADS", default=200)
    with _only_one(root, port):
        web_address.wait_for_port(port)
        services = env.embedded_services()
        if services:
            names = " and ".join(SERVER_NAMES[service] for service in services)
            say(f"Starting {names} in {root} ...")
        with session.servers(root, services):
            environment = _environment(port)
            logins = _prepare(environment, leads)
            _serve(root, services, _children(environment, port, web, workers), port, logins)


def _environment(port: int) -> dict[str, str]:
    """The children's environment: plain HTTP on this machine, whatever the database."""
    defaults = {
        "DJANGO_SETTINGS_MODULE": "leadqual_site.settings",
        "HTTPS": "0",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend",
        "LOG_LEVEL": "WARNING",
    }
    if env.secret("DATABASE_URL") and not env.secret("SECRET_KEY"):
        say("SECRET_KEY is not set: everybody logs in again after the next start.")
        defaults["SECRET_KEY"] = secrets.token_urlsafe(50)
    return defaults | dict(os.environ) | {"PYTHONUNBUFFERED": "1"}


def _prepare(environment: dict[str, str], leads: int) -> str:
    """Bring the database and the static files up to date; returns the text with the log-ins."""
    say("Preparing the database ...")
    _step(["manage.py", "migrate", "--noinput", "--verbosity", "0"], environment)
    _step(["manage.py", "collectstatic", "--noinput", "--verbosity", "0"], environment)
    return _step(["-m", "leadqual_site.embedded.demo", str(leads)], environment)


def _step(arguments: Sequence[str], environment: dict[str, str]) -> str:
    """Run one step to its end and return what it answers. EmbeddedError when it fails."""
    step = process.spawn(
        [sys.executable, *arguments],
        output=subprocess.PIPE,
        errors=None,
        death_signal=signal.SIGKILL,
        environment=environment,
        cwd=str(places.PROJECT_ROOT),
    )
    try:
        answer, _ = step.communicate()
    except BaseException:
        process.stop(step, children.STOP_STEPS)
        raise
    if step.returncode:
        raise EmbeddedError(f"{' '.join(arguments)} failed (exit code {step.returncode})")
    return answer.decode()


def commands(port: int, web: int, workers: int) -> dict[str, list[str]]:
    """What runs beside the servers, by name: the arguments of Python."""
    gunicorn = [
        *("-m", "gunicorn", "leadqual_site.wsgi:application", "--bind", f"127.0.0.1:{port}"),
        *("--workers", str(web), "--worker-class", "gthread", "--threads", "4"),
        *("--graceful-timeout", "8", "--log-level", "warning", "--no-control-socket"),
    ]
    worker = ["manage.py", "rqworker", *QUEUES, "--verbosity", "0"]
    worker += ["--serializer", "rq.serializers.JSONSerializer"]
    scheduler = ["manage.py", "rqcron", "leadqual_site.schedule", "--logging-level", "WARNING"]
    return {
        "web": gunicorn,
        **{f"worker {number + 1}": worker for number in range(workers)},
        "scheduler": scheduler,
    }


def _children(environment: dict[str, str], port: int, web: int, workers: int) -> list[Child]:
    return [
        Child(name, [sys.executable, *command], environment, vital=name == "web")
        for name, command in commands(port, web, workers).items()
    ]


def _serve(
    root: Path, services: Sequence[str], running: Sequence[Child], port: int, logins: str
) -> None:
    address = f"http://127.0.0.1:{port}"
    try:
        say(f"Starting {', '.join(child.name for child in running)} ...")
        deadline = time.monotonic() + STARTED_SECONDS
        announced = False
        while True:
            for child in running:
                child.check(time.monotonic())
            _check_servers(root, services)
            if not announced and web_address.answers(address):
                print(f"\n{logins.strip()}\n\nLeadQual runs on {address}", flush=True)
                say("Ctrl-C stops it.")
                announced = True
            if not announced and time.monotonic() > deadline:
                raise EmbeddedError(f"web does not answer on {address}; stopping all")
            time.sleep(0.2)
    finally:
        _ignore_signals()
        say("Stopping ...")
        children.stop_all(running)


def _check_servers(root: Path, services: Sequence[str]) -> None:
    for service in services:
        place = places.Place(root, service)
        if not place.running_url():
            name = SERVER_NAMES[service]
            raise EmbeddedError(f"{name} ended, see {place.log_file}; stopping all")


@contextmanager
def _only_one(root: Path, port: int) -> Iterator[None]:
    """Refuse a second start in the same DATA_DIR, and tell it where the first one is."""
    path = root / "locks" / "supervisor"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = locks.open_lock(path)
    except OSError as error:
        raise EmbeddedError(f"DATA_DIR {root} cannot be used: {error}") from None
    try:
        if not locks.try_lock(descriptor):
            raise EmbeddedError(
                f"LeadQual already runs in {root} ({path.read_text().strip()}): stop it first,"
                " or set DATA_DIR and PORT for a second installation"
            )
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()}, port {port}\n".encode())
        yield
    finally:
        os.close(descriptor)


def _count(name: str, *, default: int) -> int:
    number = env.integer(name, default=default)
    if not 1 <= number <= 65535:
        raise env.InvalidEnvironment(f"{name} must be between 1 and 65535, not {number}")
    return number


def _on_stop(_number: int, _frame: FrameType | None) -> NoReturn:
    _ignore_signals()
    raise StopRequested


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
