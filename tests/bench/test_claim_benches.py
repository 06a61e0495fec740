"""The benches of claiming at a tiny size: their last line, nobody doubled, nothing lost."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIGURE = r"\d+\.\d+"


def bench(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, f"bench/{name}.py", *words],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.django_db
def test_claims_by_connections_that_serve_many_people() -> None:
    done = bench("claim", "--leads", "60", "--clients", "4")
    assert re.fullmatch(
        f"ratio={FIGURE} doubled=0 lost=0 p50={FIGURE} p95={FIGURE} p99={FIGURE}"
        f" wall_ratio={FIGURE} product_s={FIGURE} limit_s={FIGURE}",
        done.stdout.splitlines()[-1],
    ), done.stderr


@pytest.mark.django_db
def test_claims_over_http() -> None:
    done = bench("http_claim", "--leads", "30", "--clients", "3", "--workers", "1")
    assert re.fullmatch(
        rf"claims=30 errors=0 doubled=0 lost=0 p50=\d+ p95=\d+ p99=\d+ seconds={FIGURE}",
        done.stdout.splitlines()[-1],
    ), done.stderr


@pytest.mark.parametrize("name", ["claim", "http_claim"])
def test_they_refuse_what_makes_no_sense(name: str) -> None:
    done = bench(name, "--leads", "0")
    assert done.returncode == 2
    assert "--leads is 1 or more" in done.stderr
