"""`manage.py fairness`: one name a line; what makes no sense is one line and exit code 2."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command, execute_from_command_line


def run(**options: Any) -> list[str]:
    """The lines it prints."""
    out = io.StringIO()
    call_command("fairness", stdout=out, **options)
    return out.getvalue().splitlines()


def test_it_prints_a_name_a_line() -> None:
    names = run(weights="3,2,1", n="600")
    assert len(names) == 600
    assert {name: names.count(name) for name in set(names)} == {"r1": 300, "r2": 200, "r3": 100}


def test_no_leads_is_no_line() -> None:
    assert run(weights="1,1", n="0") == []


@pytest.mark.parametrize("weights", ["", "3,,1", "3,0", "2,-1", "many", "1/0", "nan", "inf", "1e9"])
def test_weights_that_make_no_sense_are_refused(weights: str) -> None:
    with pytest.raises(CommandError, match="--weights") as refused:
        run(weights=weights, n="5")
    assert refused.value.returncode == 2
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("n", ["-1", "1.5", "many", "", "²", "9" * 5000])
def test_a_number_of_leads_that_makes_no_sense_is_refused(n: str) -> None:
    with pytest.raises(CommandError, match="--n") as refused:
        run(weights="1,1", n=n)
    assert refused.value.returncode == 2


@pytest.mark.parametrize("line", [["--weights", "-1,2", "--n", "5"], ["--weights", "1,1"], []])
def test_a_command_line_that_makes_no_sense_is_one_line(
    line: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        execute_from_command_line(["manage.py", "fairness", *line])
    assert refused.value.code == 2
    assert len(capfd.readouterr().err.splitlines()) == 1
