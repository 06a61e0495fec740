"""A folder for embedded servers of a test's own, and ways to look at their processes."""

import shutil
import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def no_named_servers(monkeypatch):
    """An environment that names no servers, so that they would run embedded."""
    for name in ("DATABASE_URL", "REDIS_URL", "POSTGRES_BIN", "VALKEY_BIN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def data_dir(monkeypatch, no_named_servers):
    """A DATA_DIR that every user can reach."""
    root = Path(tempfile.mkdtemp(prefix="leadqual-test-", dir="/tmp")).resolve()
    root.chmod(0o755)
    monkeypatch.setenv("DATA_DIR", str(root / "data"))
    yield root / "data"
    shutil.rmtree(root)
