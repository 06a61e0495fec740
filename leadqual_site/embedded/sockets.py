"""Finds a private folder for a unix socket, whose path may have about 100 bytes. Used here only."""

import os
import shutil
import tempfile
from pathlib import Path

LIMIT_BYTES = 90
TEMPORARY_PREFIX = "leadqual-socket-"


def socket_folder(home: Path) -> Path:
    """A new folder with mode 0700 for the sockets of one server that does not run.

    `home/socket`, or where that path is too long a temporary one, which it then points to.
    """
    wanted = home / "socket"
    # A killed server leaves a lock file in it, with a number that may be somebody else's by now.
    forget_socket_folder(home)
    if len(os.fsencode(wanted)) <= LIMIT_BYTES:
        wanted.mkdir(mode=0o700)
        return wanted
    made = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir="/tmp"))  # nosec
    wanted.symlink_to(made)
    return made


def forget_socket_folder(home: Path) -> None:
    """Remove the folder of the sockets, also the temporary one that `home/socket` points to."""
    wanted = home / "socket"
    if wanted.is_symlink():
        target = wanted.readlink()
        if target.name.startswith(TEMPORARY_PREFIX):
            shutil.rmtree(target, ignore_errors=True)
        wanted.unlink()
    elif wanted.exists():
        shutil.rmtree(wanted)
