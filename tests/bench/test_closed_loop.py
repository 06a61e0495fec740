"""The replay as a script: its last line, its bad arguments, and that it leaves nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
LAST_LINE = r"static=(0\.\d{3}) reweighted=(0\.\d{3}) learned=- worst=(-?0\.\d{3})"


@dataclass(frozen=True)
class Done:
    pid: int
    code: int
    out: list[str]
    err: str


def replay(*words: str) -> Done:
    with subprocess.Popen(
        [sys.executable, "bench/closed_loop.py", *words],
        cwd=ROOT,
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        out, err = process.communicate()
        return Done(process.pid, process.returncode, out.splitlines(), err)


@pytest.mark.django_db
def test_it_learns_from_a_made_up_file_and_cleans_up() -> None:
    done = replay("--batch", "60")
    assert done.code == 0, done.err
    lines = done.out
    assert [line.split()[0] for line in lines[:-1]] == [f"batch={n}" for n in (1, 2, 3, 4)]
    figures = re.fullmatch(LAST_LINE, lines[-1])
    assert figures
    static, reweighted, _ = map(float, figures.groups())
    assert reweighted > static
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [f"leadqual_replay_{done.pid}"]
        )
        assert cursor.fetchone() is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--data", "missing.csv"], "go together"),
        (["--review-share", "0"], "--review-share is above 0"),
        (["--batch", "1"], "--batch is 2 or more"),
        (
            ["--data", "no.csv", "--mapping", "no.yaml", "--rules", "no.yaml"],
            "no.csv: no such file",
        ),
    ],
)
def test_it_refuses_bad_arguments_in_one_line(words: list[str], told: str) -> None:
    done = replay(*words)
    assert done.code == 2
    assert told in done.err.splitlines()[-1]
