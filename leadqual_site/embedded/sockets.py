"""Finds a private folder for a unix socket, whose path may have about 100 bytes. Used here only."""

import os
import shutil
import tempfile
from pathlib import Path

LIMIT_BYTES = 90
TEMPORARY_PREFIX = "leadqual-socket-"


def socket_folder(home: Path) -> Path:
    """A folder with mode 0700 for the sockets of one server.

    `home/socket`, or where that path is too long a new temporary one, which it then points to.
    """
    wanted = home / "socket"
    forget_socket_folder(home)
    if len(os.fsencode(wanted)) <= LIMIT_BYTES:
        wanted.mkdir(mode=0o700, exist_ok=True)
        return wanted
    made = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir="/tmp"))  # nosec
    wanted.symlink_to(made)
    return made


def forget_socket_folder(home: Path) -> None:
    """Remove the temporary folder that `home/socket` points to, if any."""
    link = home / "socket"
    if link.is_symlink():
        target = link.readlink()
        if target.name.startswith(TEMPORARY_PREFIX):
            shutil.rmtree(target, ignore_errors=True)
        link.unlink()
