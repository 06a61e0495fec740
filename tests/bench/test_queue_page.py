"""The bench of the queue page as a script, small: its last line, and its bad arguments."""

from __future__ import annotations

import re
from functools import partial

import pytest

from tests.bench.running import run_bench

FIGURES = (
    r"ratio=\d+\.\d\d queries=(\d+) p50=\d+\.\d p95=\d+\.\d p99=\d+\.\d"
    r" cpu_p95=\d+\.\d cpu_ratio=\d+\.\d\d small_p95=\d+\.\d"
)

bench = partial(run_bench, "queue_page")


@pytest.mark.django_db
def test_it_opens_the_queue_in_few_queries() -> None:
    done = bench("--leads", "200", "--requests", "20")
    found = re.fullmatch(FIGURES, done.stdout.splitlines()[-1])
    assert found is not None, done.stderr
    assert int(found[1]) <= 12


@pytest.mark.parametrize("words", [["--leads", "5"], ["--requests", "2"]])
def test_it_refuses_bad_arguments_in_one_line(words: list[str]) -> None:
    done = bench(*words)
    assert done.returncode == 2
    assert "--leads is 100 or more" in done.stderr.splitlines()[-1]
