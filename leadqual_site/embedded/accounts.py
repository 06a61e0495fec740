"""Decides as which system user PostgreSQL runs: it refuses root. Used inside this package."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadqual_site.embedded.errors import EmbeddedError

OWN_USER = "leadqual-db"
CANDIDATES = (OWN_USER, "postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A system user other than root, with its primary group."""

    name: str
    uid: int
    gid: int

    def identity(self) -> dict[str, Any]:
        """Arguments for subprocess that drop every right of root."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_run(self, command: Sequence[str]) -> bool:
        """Whether this user can reach a program and it ends well."""
        try:
            done = subprocess.run(
                list(command), cwd="/", capture_output=True, check=False, **self.identity()
            )
        except OSError:
            return False
        return done.returncode == 0

    def can_enter(self, folder: Path) -> bool:
        """Whether this user can reach what lies in a folder."""
        return self.can_run(["/bin/sh", "-c", 'test -x "$1"', "sh", str(folder)])


def server_account() -> Account | None:
    """The user that PostgreSQL runs as: None for the present one, another for root."""
    if os.geteuid() != 0:
        return None
    if not _find(OWN_USER):
        _create_own_user()
    for name in CANDIDATES:
        account = _find(name)
        if account:
            return account
    raise EmbeddedError("PostgreSQL refuses root and no other user exists: set DATABASE_URL")


def owner_account(folder: Path) -> Account | None:
    """The user who owns a folder, or None when that is root or unknown to the system."""
    uid = folder.stat().st_uid
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return None
    return Account(entry.pw_name, uid, entry.pw_gid) if uid else None


def hand_over(folder: Path, account: Account) -> None:
    """Give a folder of ours and all in it to a user."""
    for parent, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            os.chown(os.path.join(parent, name), account.uid, account.gid, follow_symlinks=False)


def _find(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name, entry.pw_uid, entry.pw_gid) if entry.pw_uid else None


def _create_own_user() -> None:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd:
        home = ["--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"]
        subprocess.run([useradd, "--system", *home, OWN_USER], capture_output=True, check=False)
