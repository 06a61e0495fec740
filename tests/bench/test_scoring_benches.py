"""The benches of scoring at a tiny size: their last line, equal totals, bad arguments."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.bench.running import run_bench

FIGURE = r"\d+\.\d+"


@pytest.mark.django_db
def test_product_and_hand_written_sql_agree() -> None:
    done = run_bench("rescore", "--leads", "300", "--activities", "1500", "--runs", "1")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"worker_memory_mb=\d+", lines[-2])
    assert re.fullmatch(
        f"select_ratio={FIGURE} rewrite_ratio={FIGURE} mismatches=0"
        f" product_s={FIGURE} limit_s={FIGURE}",
        lines[-1],
    )


@pytest.mark.django_db
def test_an_absent_reference_is_told_and_skipped(tmp_path: Path) -> None:
    absent = str(tmp_path / "limit.sql")
    done = run_bench(
        "rescore", "--leads", "20", "--activities", "20", "--runs", "1", "--limit-sql", absent
    )
    assert done.returncode == 0, done.stderr
    assert "no such file" in done.stderr
    assert "reference" not in done.stdout


@pytest.mark.django_db
def test_an_activity_reaches_the_queue() -> None:
    done = run_bench("activity_to_queue", "--leads", "400", "--singles", "3", "--messages", "2")
    # On a busy machine the limits may be missed; what is tested is that the way is whole.
    assert done.returncode in {0, 1}, done.stderr
    assert re.fullmatch(
        f"database_p50_ms={FIGURE} database_p95_ms={FIGURE} queue_p50_s={FIGURE}"
        f" queue_p95_s={FIGURE} queue_max_s={FIGURE} messages=2",
        done.stdout.splitlines()[-1],
    )


@pytest.mark.parametrize("name", ["rescore", "activity_to_queue"])
def test_it_refuses_bad_arguments(name: str) -> None:
    done = run_bench(name, "--leads", "0")
    assert done.returncode == 2
    assert "1 or more" in done.stderr.splitlines()[-1]
