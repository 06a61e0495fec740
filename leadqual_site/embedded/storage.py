"""Decides where PostgreSQL's files of one DATA_DIR lie. Used inside this package.

Below DATA_DIR, except for root where PostgreSQL's own user cannot enter that folder: then below
/var/lib/leadqual/data/<hash of the path>, tied to DATA_DIR by the same random mark in both. The
choice is made once; a missing, emptied or copied DATA_DIR is a new, empty installation.
"""

import hashlib
import secrets
import shutil
from pathlib import Path

from leadqual_site.embedded import binaries
from leadqual_site.embedded.accounts import Account
from leadqual_site.embedded.errors import EmbeddedError

MARK = "postgres.elsewhere"


def postgres_home(root: Path, account: Account | None) -> Path:
    """The folder for PostgreSQL's data and socket, made when new. EmbeddedError if unreachable."""
    inside = root / "postgres"
    elsewhere = _elsewhere(root)
    if account is None:
        if (root / MARK).exists():
            raise EmbeddedError(f"{root} was set up by root, whose data lie in {elsewhere}")
        inside.mkdir(mode=0o700, exist_ok=True)
        return inside
    if _mark_of(root) and _mark_of(root) == _mark_of(elsewhere):
        return elsewhere
    if (inside / "data").exists():
        if not account.can_enter(root):
            raise EmbeddedError(f"the user {account.name} cannot enter {root}, where the data lie")
        return inside
    if account.can_enter(root):
        (root / MARK).unlink(missing_ok=True)
        inside.mkdir(mode=0o700, exist_ok=True)
        return inside
    return _make_elsewhere(root, elsewhere)


def _elsewhere(root: Path) -> Path:
    digest = hashlib.sha256(str(root).encode()).hexdigest()[:16]
    return binaries.STATE_ROOT / "data" / digest


def _mark_of(folder: Path) -> str:
    try:
        return (folder / MARK).read_text().split("\n")[0]
    except FileNotFoundError:
        return ""


def _make_elsewhere(root: Path, elsewhere: Path) -> Path:
    """Make an empty folder and the mark in both; what an earlier DATA_DIR left is set aside."""
    binaries.make_state_folder(elsewhere.parent)
    if elsewhere.exists():
        previous = elsewhere.with_name(f"{elsewhere.name}.previous")
        shutil.rmtree(previous, ignore_errors=True)
        elsewhere.rename(previous)
    elsewhere.mkdir(mode=0o700)
    mark = f"{secrets.token_hex(16)}\n{root}\n"
    (elsewhere / MARK).write_text(mark)
    (root / MARK).write_text(mark.replace(str(root), str(elsewhere)))
    return elsewhere
