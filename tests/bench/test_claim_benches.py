"""The benches of claiming at a tiny size: their last line, nobody doubled, nothing lost."""

from __future__ import annotations

import re

import pytest

from tests.bench.running import run_bench

FIGURE = r"\d+\.\d+"


@pytest.mark.django_db
def test_claims_by_connections_that_serve_many_people() -> None:
    done = run_bench("claim", "--leads", "60", "--clients", "4")
    assert re.fullmatch(
        f"ratio={FIGURE} by_hand_ratio={FIGURE} doubled=0 lost=0"
        f" p50={FIGURE} p95={FIGURE} p99={FIGURE}"
        f" wall_ratio={FIGURE} product_s={FIGURE} limit_s={FIGURE}",
        done.stdout.splitlines()[-1],
    ), done.stderr


@pytest.mark.django_db
def test_claims_over_http() -> None:
    done = run_bench("http_claim", "--leads", "30", "--clients", "3", "--workers", "1")
    assert re.fullmatch(
        rf"claims=30 errors=0 doubled=0 lost=0 p50=\d+ p95=\d+ p99=\d+ seconds={FIGURE}",
        done.stdout.splitlines()[-1],
    ), done.stderr


@pytest.mark.parametrize("name", ["claim", "http_claim"])
def test_they_refuse_what_makes_no_sense(name: str) -> None:
    done = run_bench(name, "--leads", "0")
    assert done.returncode == 2
    assert "--leads is 1 or more" in done.stderr
