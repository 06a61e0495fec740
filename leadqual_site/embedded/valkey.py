"""Starts and stops one embedded Valkey. Called by the keeper only."""

import signal
import socket
import subprocess
from pathlib import Path
from typing import IO
from urllib.parse import quote

from leadqual_site.embedded import binaries, process, sockets
from leadqual_site.embedded.errors import EmbeddedError

START_SECONDS = 30.0
STOP_STEPS = ((signal.SIGTERM, 10.0),)
DATABASES = 64


class Valkey:
    """One Valkey with its files in DATA_DIR, on a socket that only its owner reaches."""

    stop_steps = STOP_STEPS
    death_signal = signal.SIGTERM

    def __init__(self, root: Path, *, throwaway: bool) -> None:
        self.home = root / "valkey"
        self.home.mkdir(mode=0o700, exist_ok=True)
        self.throwaway = throwaway
        self.program = binaries.valkey_server()

    def start(self, *, log: IO[bytes], keep: int) -> tuple["subprocess.Popen[bytes]", str]:
        """Start the server; returns the process and the URL."""
        path = sockets.socket_folder(self.home) / "valkey.sock"
        server = process.spawn(
            self._command(path),
            output=log,
            death_signal=self.death_signal,
            cwd=str(self.home),
            keep=(keep,),
        )
        if not process.wait_until(lambda: answers(path), server, seconds=START_SECONDS):
            process.stop(server, self.stop_steps)
            raise EmbeddedError("Valkey did not start")
        return server, f"unix://{quote(str(path))}?db=0"

    def forget(self) -> None:
        """Remove what only a running server needs."""
        sockets.forget_socket_folder(self.home)

    def rescue(self) -> None:
        """Stop a server of this folder that lost its keeper and did not hear of it."""
        say((self.home / "socket").resolve() / "valkey.sock", b"SHUTDOWN")

    def _command(self, path: Path) -> list[str]:
        return [
            str(self.program),
            *("--port", "0"),
            *("--unixsocket", str(path), "--unixsocketperm", "700"),
            *("--dir", str(self.home), "--databases", str(DATABASES)),
            *("--save", "", "--appendonly", "no" if self.throwaway else "yes"),
            *("--maxmemory-policy", "noeviction"),
        ]


def answers(path: Path) -> bool:
    """Whether a server at a socket answers PING (a loading one does not yet)."""
    return say(path, b"PING").startswith(b"+PONG")


def say(path: Path, command: bytes) -> bytes:
    """Send one inline command to a socket; the begin of the answer, empty when there is none."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1)
            connection.connect(str(path))
            connection.sendall(command + b"\r\n")
            return connection.recv(16)
    except OSError:
        return b""
