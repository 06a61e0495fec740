"""The bench of the ledger page as a script, small: its last line, and its bad arguments."""

from __future__ import annotations

import re
from functools import partial

import pytest

from tests.bench.running import run_bench

FIGURES = r"cpu_p50=\d+\.\d cpu_p95=\d+\.\d p50=\d+\.\d p95=\d+\.\d p99=\d+\.\d ratio=\d+\.\d\d"

bench = partial(run_bench, "ledger_page")


@pytest.mark.django_db
def test_it_opens_long_and_short_histories() -> None:
    done = bench("--leads", "60", "--activities-on-lead", "50", "--requests", "20")
    assert done.returncode == 0, done.stderr
    *_, changers, page = done.stdout.splitlines()
    assert re.fullmatch(f"changers {FIGURES}", changers)
    assert re.fullmatch(FIGURES, page)


@pytest.mark.parametrize("words", [["--leads", "5"], ["--activities-on-lead", "2"]])
def test_it_refuses_bad_arguments_in_one_line(words: list[str]) -> None:
    done = bench(*words)
    assert done.returncode == 2
    assert "--leads is 40 or more" in done.stderr.splitlines()[-1]
