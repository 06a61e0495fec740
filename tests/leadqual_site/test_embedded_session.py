"""The embedded servers run while somebody uses them, keep their data, and leave nothing behind."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from leadqual_site import env
from leadqual_site.embedded import locks, session
from leadqual_site.embedded.errors import EmbeddedError
from leadqual_site.embedded.places import PROJECT_ROOT, SERVICES, Place

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")

# Without waiting for the disk: what these tests kill is processes, not the machine.
fast_servers = partial(session.servers, throwaway=True)


def processes_of(data_dir):
    """The processes that name a folder or work below it, and their command lines."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with suppress(OSError):
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if str(data_dir) in line or str(data_dir) in str((folder / "cwd").readlink()):
                    found[int(folder.name)] = line
    return found


def wait_for_no_processes(data_dir, seconds=20):
    deadline = time.monotonic() + seconds
    while processes_of(data_dir) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_of(data_dir) == {}


def write_row(url):
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")


def read_row(url):
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT n FROM kept").fetchone()[0]


@contextmanager
def other_user(data_dir, services=SERVICES, *, throwaway=True):
    """Another process that uses the servers until it is told to leave."""
    code = (
        "import sys, pathlib; from leadqual_site.embedded import session\n"
        f"folder, throwaway = pathlib.Path({str(data_dir)!r}), {throwaway}\n"
        f"with session.servers(folder, {list(services)!r}, throwaway=throwaway):\n"
        "    print('in', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=PROJECT_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as user:
        assert user.stdout.readline() == "in\n"
        yield user
        if user.poll() is None:
            user.stdin.close()
            assert user.wait(30) == 0


def test_it_starts_both_keeps_the_data_and_leaves_nothing_behind(data_dir):
    with session.servers(data_dir, SERVICES) as urls:
        assert env.database_url() == urls["postgres"]
        assert env.redis_url() == urls["valkey"]
        write_row(urls["postgres"])
        bell = Redis.from_url(urls["valkey"])
        bell.set("kept", "7")
        assert bell.config_get("appendonly")["appendonly"] == "yes"
        bell.close()
        assert all((data_dir / name / "socket").stat().st_mode & 0o777 == 0o700 for name in urls)
    assert processes_of(data_dir) == {}
    assert "or-set-DATABASE_URL" in env.database_url()
    with session.servers(data_dir, SERVICES) as urls:
        assert read_row(urls["postgres"]) == 7
        bell = Redis.from_url(urls["valkey"])
        assert bell.get("kept") == b"7"
        bell.close()


def test_it_listens_on_no_port_and_writes_safely(data_dir):
    with (
        session.servers(data_dir, ["postgres"]) as urls,
        psycopg.connect(urls["postgres"]) as connection,
    ):

        def setting(name):
            return connection.execute(f"SHOW {name}").fetchone()[0]

        assert setting("listen_addresses") == ""
        assert setting("server_encoding") == "UTF8"
        assert [setting(name) for name in ("fsync", "synchronous_commit", "jit")] == [
            "on",
            "on",
            "off",
        ]


def test_the_first_user_does_not_stop_what_the_second_uses(data_dir):
    with fast_servers(data_dir, SERVICES) as first, other_user(data_dir):
        before = set(processes_of(data_dir))
        with fast_servers(data_dir, SERVICES) as second:
            assert second == first
        assert set(processes_of(data_dir)) == before
    assert processes_of(data_dir) == {}


def test_the_starter_may_leave_first(data_dir):
    with other_user(data_dir, ["valkey"]) as starter, fast_servers(data_dir, ["valkey"]) as urls:
        starter.stdin.close()
        assert starter.wait(30) == 0
        bell = Redis.from_url(urls["valkey"])
        assert bell.ping()
        bell.close()
    assert processes_of(data_dir) == {}


def test_many_users_at_once_share_one_server(data_dir):
    with (
        other_user(data_dir, ["valkey"]),
        other_user(data_dir, ["valkey"]),
        other_user(data_dir, ["valkey"]),
    ):
        lines = processes_of(data_dir).values()
        assert len([line for line in lines if "valkey-server" in line]) == 1
    assert processes_of(data_dir) == {}


def test_a_killed_user_leaves_nothing_behind(data_dir):
    with other_user(data_dir) as user:
        user.kill()
        user.wait()
        wait_for_no_processes(data_dir)


def test_a_killed_keeper_takes_its_server_with_it(data_dir):
    with fast_servers(data_dir, ["postgres"]) as urls:
        write_row(urls["postgres"])
        keepers = [n for n, line in processes_of(data_dir).items() if "embedded.keeper" in line]
        os.kill(keepers[0], signal.SIGKILL)
        deadline = time.monotonic() + 20
        while env.Place(data_dir, "postgres").running_url() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert locks.wait_free(Place(data_dir, "postgres").lock("server"), seconds=20)
        # Started anew for the next user, while the first one has not even left.
        with fast_servers(data_dir, ["postgres"]) as again:
            assert read_row(again["postgres"]) == 7
    wait_for_no_processes(data_dir)


def test_it_starts_again_after_everything_was_killed(data_dir):
    with other_user(data_dir, throwaway=False) as user:
        write_row(Place(data_dir, "postgres").running_url())
        numbers = list(processes_of(data_dir))
        assert user.pid in numbers
        for step in (signal.SIGSTOP, signal.SIGKILL):
            for number in numbers:
                with suppress(ProcessLookupError):
                    os.kill(number, step)
        user.wait()
        wait_for_no_processes(data_dir)
    with fast_servers(data_dir, SERVICES) as urls:
        assert read_row(urls["postgres"]) == 7


def test_a_leftover_pid_file_with_a_strangers_number_harms_neither(data_dir):
    with fast_servers(data_dir, ["postgres"]) as urls:
        write_row(urls["postgres"])
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (data_dir / "postgres" / "data" / "postmaster.pid").write_text(f"{stranger.pid}\n")
        with fast_servers(data_dir, ["postgres"]) as urls:
            assert read_row(urls["postgres"]) == 7
        assert stranger.poll() is None
        stranger.kill()


def test_another_folder_is_another_empty_installation(data_dir):
    with (
        fast_servers(data_dir, ["postgres"]) as one,
        fast_servers(data_dir.with_name("other"), ["postgres"]) as two,
    ):
        write_row(one["postgres"])
        with pytest.raises(psycopg.errors.UndefinedTable):
            read_row(two["postgres"])


def test_it_works_below_long_and_odd_paths(data_dir):
    odd = data_dir / ("Odd folder, with %41 and ünïcode " + "x" * 80)
    with fast_servers(odd, SERVICES) as urls:
        write_row(urls["postgres"])
        bell = Redis.from_url(urls["valkey"])
        assert bell.ping()
        bell.close()
        temporary = (odd / "postgres" / "socket").readlink()
        assert temporary.stat().st_mode & 0o777 == 0o700
    assert not temporary.exists()


def test_a_server_that_cannot_start_is_one_clear_error(data_dir, monkeypatch):
    monkeypatch.setenv("VALKEY_BIN", "/bin/false")
    with (
        pytest.raises(EmbeddedError, match="Valkey did not start"),
        fast_servers(data_dir, ["valkey"]),
    ):
        pass
    assert processes_of(data_dir) == {}
