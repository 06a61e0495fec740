"""Starts and stops one embedded PostgreSQL. Called by the keeper only."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import IO
from urllib.parse import quote

from leadqual_site.embedded import accounts, binaries, process, sockets, storage
from leadqual_site.embedded.errors import EmbeddedError

DATABASE = "leadqual"
START_SECONDS = 60.0
# `fast` breaks connections and writes a checkpoint; `immediate` leaves the rest to recovery.
STOP_STEPS = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",
    "max_wal_size": "2GB",
    "jit": "off",
    "log_checkpoints": "off",
    # A failed statement and the detail of its error quote what people wrote.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "timezone": "UTC",
}
# Tests may lose their database with the machine's power.
THROWAWAY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """One PostgreSQL with its files in DATA_DIR; `trust` is safe as only its owner reaches it."""

    stop_steps = STOP_STEPS
    death_signal = signal.SIGINT

    def __init__(self, root: Path, *, throwaway: bool) -> None:
        self.root = root
        self.throwaway = throwaway
        self.account = accounts.server_account()
        self.home = storage.postgres_home(root, self.account)
        self.data = self.home / "data"
        self._respect_owner()
        self.bin = binaries.postgres_bin(self.account)

    def start(self, *, log: IO[bytes], keep: int) -> tuple["subprocess.Popen[bytes]", str]:
        """Start the server, make the database if missing; returns the process and the URL."""
        if not self.data.exists():
            self._initialise(log)
        # The lock `server` is ours, so no server of ours runs: what this file names is a stranger.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        folder = sockets.socket_folder(self.home)
        if self.account:
            os.chown(folder, self.account.uid, self.account.gid)
        server = process.spawn(
            self._command(folder),
            output=log,
            death_signal=self.death_signal,
            account=self.account,
            environment=process.clean_environment(),
            keep=(keep,),
        )
        if not process.wait_until(
            lambda: self._query(folder, "SELECT 1") == "1", server, seconds=START_SECONDS
        ):
            process.stop(server, self.stop_steps)
            raise EmbeddedError("PostgreSQL did not start")
        self._make_database(folder)
        return server, f"postgresql://postgres@{quote(str(folder), safe='')}/{DATABASE}"

    def forget(self) -> None:
        """Remove what only a running server needs."""
        sockets.forget_socket_folder(self.home)

    def rescue(self) -> None:
        """Stop a server of this folder that lost its keeper and did not hear of it."""
        if self._pid_file_names_our_server():
            self._run(["pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "-t", "20", "stop"])

    def _command(self, folder: Path) -> list[str]:
        settings = SETTINGS | (THROWAWAY_SETTINGS if self.throwaway else {})
        settings["unix_socket_directories"] = str(folder)
        # Containers often have 64 MB there, too little for parallel queries.
        if shutil.disk_usage("/dev/shm").free < 2**30:  # noqa: S108  # nosec
            settings["dynamic_shared_memory_type"] = "mmap"
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.bin / "postgres"), "-D", str(self.data), *options]

    def _initialise(self, log: IO[bytes]) -> None:
        """Make the data folder under another name and rename it, so that it is whole or absent."""
        partial = self.home / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        if self.account:
            accounts.hand_over(self.home, self.account)
        locale = ["--locale=C.UTF-8"]
        if binaries.postgres_major(self.bin) >= 17:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command = ["initdb", "-D", str(partial), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        command += [*locale, *(["--no-sync"] if self.throwaway else [])]
        done = self._run(command)
        log.write(done.stdout + done.stderr)
        log.flush()
        if done.returncode:
            raise EmbeddedError(f"initdb failed: {done.stderr.decode(errors='replace').strip()}")
        partial.rename(self.data)

    def _respect_owner(self) -> None:
        """Root runs the server as the user who owns the data; nobody else may take them over."""
        if not self.data.exists():
            return
        owner = self.data.stat().st_uid
        if self.account is None and owner != os.geteuid():
            raise EmbeddedError(
                f"{self.data} belongs to another user: start as root or set another DATA_DIR"
            )
        if self.account:
            if owner == 0:  # root copied the folder
                accounts.hand_over(self.home, self.account)
                self.data.chmod(0o700)
            self.account = accounts.owner_account(self.data) or self.account

    def _pid_file_names_our_server(self) -> bool:
        """False when another process has that number since: PostgreSQL works in its data folder.

        Where there is no /proc the file is believed.
        """
        try:
            pid = (self.data / "postmaster.pid").read_text().split("\n")[0]
            return not Path("/proc/self").exists() or Path(f"/proc/{pid}/cwd").samefile(self.data)
        except OSError:
            return False

    def _make_database(self, folder: Path) -> None:
        exists = f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"  # noqa: S608  # nosec
        if self._query(folder, exists) != "1":
            self._query(folder, f"CREATE DATABASE {DATABASE}")
        if self._query(folder, exists) != "1":
            raise EmbeddedError(f"the database {DATABASE} could not be made")

    def _query(self, folder: Path, statement: str) -> str:
        target = ["-h", str(folder), "-U", "postgres", "-d", "postgres"]
        return self._run(["psql", *target, "-XtAqc", statement]).stdout.decode().strip()

    def _run(self, command: list[str]) -> "subprocess.CompletedProcess[bytes]":
        identity = self.account.identity() if self.account else {}
        return subprocess.run(
            [str(self.bin / command[0]), *command[1:]],
            cwd="/",
            env=process.clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            **identity,
        )
