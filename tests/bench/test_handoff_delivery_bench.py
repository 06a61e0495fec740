"""The bench of deliveries at a tiny size: each lead once, and doubles where nothing guards."""

from __future__ import annotations

import re
from functools import partial

import pytest

from tests.bench.running import run_bench

bench = partial(run_bench, "handoff_delivery")


@pytest.mark.django_db
def test_each_arrives_once_though_senders_are_killed() -> None:
    done = bench("--leads", "30", "--kills", "2", "--haste", "40")
    assert re.fullmatch(
        r"accepted=30 delivered=\d+ dead=\d+ doubled=0 lost=0 kills=2 attempts=\d+"
        r" open_transactions=0 seconds=\d+ after_replay=29",
        done.stdout.splitlines()[-1],
    ), done.stderr
    assert done.returncode == 0


@pytest.mark.django_db
def test_control_without_a_unique_property_there_are_doubles() -> None:
    done = bench("--leads", "40", "--kills", "0", "--haste", "40", "--control")
    assert done.returncode == 0, done.stdout
    doubled = re.search(r" doubled=(\d+) ", done.stdout)
    assert doubled is not None
    assert int(doubled.group(1)) > 0


def test_it_refuses_what_makes_no_sense() -> None:
    done = bench("--leads", "1")
    assert done.returncode == 2
    assert "--leads" in done.stderr
