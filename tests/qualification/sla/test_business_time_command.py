"""`business_time`: one answer per line, in order, whatever a line holds."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest
from django.core.management import call_command

from tests.oracles.minute_clock import MinuteClock
from tests.oracles.random_calendars import random_cases
from tests.qualification.sla.test_business_time_oracle import moment

CASE: dict[str, Any] = {
    "op": "due",
    "zone": "Europe/Berlin",
    "week": {"mon": [["09:00", "12:00"], ["13:00", "24:00"]], "fri": [["09:00", "18:00"]]},
    "holidays": ["2026-12-25"],
    "days": {"2026-12-24": [["09:00", "12:00"]]},
    "start": "2026-11-21T15:00:00+01:00",
    "minutes": 60,
}
ELAPSED = CASE | {"op": "elapsed", "end": "2026-11-23T09:00:10Z"}


def answers(monkeypatch: pytest.MonkeyPatch, data: bytes) -> list[Any]:
    """What the command prints for this standard input, line by line."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    out = io.StringIO()
    call_command("business_time", stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def lines(*cases: object) -> bytes:
    return b"".join(json.dumps(case).encode() + b"\n" for case in cases)


def test_due_and_elapsed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert answers(monkeypatch, lines(CASE, ELAPSED)) == [
        {"due": "2026-11-23T09:00:00+00:00"},
        {"minutes": 60.1667},
    ]


def test_holidays_and_days_may_be_left_out_and_seconds_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = {key: CASE[key] for key in ("op", "zone", "week", "minutes")}
    (found,) = answers(monkeypatch, lines(case | {"start": "2026-11-23T09:00:07Z"}))
    assert found == {"due": "2026-11-23T10:00:07+00:00"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"\n", "no JSON"),
        (b"[]\n", "no JSON object"),
        (b"{\n", "no JSON"),
        (b'"\xff"\n', "no JSON"),
        (b"[" * 100_000 + b"\n", "no JSON"),
        (lines(CASE | {"op": "add"}), "op: "),
        (lines(CASE | {"minutes": "60"}), "minutes: "),
        (lines(CASE | {"minutes": True}), "minutes: "),
        (lines(CASE | {"minutes": -1}), "minutes: "),
        (lines(CASE | {"minutes": float("nan")}), "minutes: "),
        (lines(CASE | {"start": "2026-11-21T15:00:00"}), "no offset"),
        (lines(CASE | {"start": "yesterday"}), "start: "),
        (lines(CASE | {"start": 1}), "start: "),
        (lines(ELAPSED | {"end": "2026-11-21T15:00:00"}), "no offset"),
        (lines(CASE | {"op": "elapsed"}), "end: "),
        (lines(CASE | {"zone": "Nowhere/At_All"}), "zone: "),
        (lines(CASE | {"week": {}, "days": {}}), "never opens"),
    ],
)
def test_a_bad_line_answers_with_its_error_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, line: bytes, message: str
) -> None:
    first, bad, last = answers(monkeypatch, lines(CASE) + line + lines(ELAPSED))
    assert ("due" in first, "minutes" in last) == (True, True)
    assert list(bad) == ["error"]
    assert message in bad["error"]


def test_no_input_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert answers(monkeypatch, b"") == []


def test_it_agrees_with_the_clock_of_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [case for case in random_cases(300, seed=7) if case["op"] == "due"]
    expected = [
        {"due": MinuteClock(case).due(moment(case, "start"), case["minutes"]).isoformat()}
        for case in cases
    ]
    assert answers(monkeypatch, lines(*cases)) == expected
