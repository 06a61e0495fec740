#!/usr/bin/env python3
"""Asks leads of made-up markets as the product suggests, and in the order of the checklist.

What is behind a lead decides how it ends; the product sees answers and past decisions only, in an
installation of its own. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

PROJECT_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_ROOT))

if TYPE_CHECKING:
    from bench.asking.trial import Arm, Trial

# What is promised: so many questions less, at most so much accuracy lost; and in the null world so
# little of either.
SAVED, ACCURACY_LOST, NULL_SAVED = 0.20, 0.01, 0.03


def arguments() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--worlds", type=int, default=30)
    parser.add_argument("--past", type=int, default=1000, help="decisions learned from, a world")
    parser.add_argument("--people", type=int, default=100, help="leads asked, a world")
    parser.add_argument("--sure", type=float, default=0.8, help="when the verdict stands")
    parser.add_argument("--free", action="store_true", help="a checklist that requires nothing")
    parser.add_argument("--null", action="store_true", help="answers tell nothing: no gain")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    if min(chosen.worlds, chosen.past, chosen.people) < 1 or not 0.5 < chosen.sure < 1:
        parser.error("--worlds, --past and --people are 1 or more, --sure between 0.5 and 1")
    return chosen


def saved(arm: Arm, fixed: Arm, *, with_required: bool = False) -> float:
    """Share of the questions of the fixed order that this one does without."""
    if with_required:
        return 1 - arm.with_required / fixed.with_required
    return 1 - arm.asked / fixed.asked


def summary(trials: list[Trial]) -> str:
    """The last line: what was saved over all worlds, and its standard error between worlds."""
    from statistics import stdev

    from bench.asking.trial import Arm

    fixed, suggested, best = (
        sum((getattr(trial, name) for trial in trials), Arm())
        for name in ("fixed", "suggested", "best")
    )
    each = [saved(trial.suggested, trial.fixed) for trial in trials]
    error = stdev(each) / len(each) ** 0.5 if len(each) > 1 else 0.0
    return (
        f"saved={saved(suggested, fixed):.3f} error={error:.3f}"
        f" saved_with_required={saved(suggested, fixed, with_required=True):.3f}"
        f" saved_best={saved(best, fixed):.3f}"
        f" accuracy={suggested.right / suggested.people:.3f}"
        f" accuracy_fixed={fixed.right / fixed.people:.3f}"
        f" asked={suggested.asked / suggested.people:.2f}"
        f" asked_fixed={fixed.asked / fixed.people:.2f}"
        f" telling={sum(t.telling for t in trials) / len(trials):.1f}"
        f" wrongly_telling={sum(t.empty for t in trials) / len(trials):.2f}"
        f" worlds={len(trials)}"
    )


def holds(line: str, *, is_null: bool) -> bool:
    """Whether the promise is kept by these figures."""
    found = dict(word.split("=") for word in line.split())
    gain, lost = float(found["saved"]), float(found["accuracy_fixed"]) - float(found["accuracy"])
    if is_null:
        return abs(gain) <= NULL_SAVED
    return gain >= SAVED and lost <= ACCURACY_LOST


def main() -> int:
    """Run the measurement; 1 when the promise is not kept."""
    chosen = arguments()
    from bench.closed_loop import own_installation

    with own_installation():
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        from bench.asking.trial import run_trial

        trials = [
            run_trial(
                chosen.seed + number,
                past=chosen.past,
                people=chosen.people,
                sure=chosen.sure,
                is_free=chosen.free,
                is_null=chosen.null,
            )
            for number in range(chosen.worlds)
        ]
    line = summary(trials)
    print(line)
    return 0 if holds(line, is_null=chosen.null) else 1


if __name__ == "__main__":
    sys.exit(main())
