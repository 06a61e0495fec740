"""Decides where the embedded servers keep their files and how others find them.

Imports nothing of the project: settings ask here for addresses, the servers for folders.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from leadqual_site.embedded import locks

PROJECT_ROOT = Path(__file__).resolve().parent.parent.parent
SERVICES = ("postgres", "valkey")


def data_dir() -> Path:
    """The absolute folder of the embedded servers: DATA_DIR, else `.data` in the project."""
    configured = os.environ.get("DATA_DIR") or ".data"
    return (PROJECT_ROOT / Path(configured).expanduser()).resolve()


@dataclass(frozen=True)
class Place:
    """The files by which one server of one DATA_DIR is found, counted and guarded."""

    root: Path
    service: str

    @property
    def url_file(self) -> Path:
        """Holds the server's URL while it runs."""
        return self.root / f"{self.service}.url"

    @property
    def log_file(self) -> Path:
        """What the server prints."""
        return self.root / f"{self.service}.log"

    def lock(self, purpose: str) -> Path:
        """Lock file: `start` serialises joining and leaving, `use` counts users, `keeper` is held
        by the keeper and `server` by the server process itself."""
        return self.root / "locks" / f"{self.service}.{purpose}"

    def prepare(self) -> None:
        """Make DATA_DIR and its lock folder. Never touches the folders above."""
        (self.root / "locks").mkdir(parents=True, exist_ok=True)

    def running_url(self) -> str | None:
        """The URL of the running server, or None."""
        if not locks.is_held(self.lock("keeper")):
            return None
        try:
            return self.url_file.read_text().strip() or None
        except FileNotFoundError:
            return None
