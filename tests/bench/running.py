"""How the tests of the benches run one: as a process of its own, on the server of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run_bench(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    """`bench/<name>.py` with these words, to its end."""
    return subprocess.run(
        [sys.executable, f"bench/{name}.py", *words],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
