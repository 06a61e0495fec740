"""`manage.py backtest N`: draft N against the live version on past decisions."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from qualification.exceptions import LabelInvalid
from qualification.feedback.backtest import Backtest, Judged, backtest
from qualification.feedback.comparison import Area
from qualification.feedback.evidence import Share
from qualification.feedback.labels import read_label
from qualification.models import ScoringModel


class Command(BaseCommand):
    help = (
        "Judges a draft against the active version on the decisions made so far. Changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("version", type=int, help="version number of the draft")
        parser.add_argument(
            "--json", action="store_true", help="one JSON object instead of a table"
        )

        parser.add_argument(
            "--label",
            default="accepted",
            help="what counts as good: accepted, won or retained:<months>, as outcomes tell",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        draft = ScoringModel.objects.filter(version=options["version"]).first()
        if draft is None:
            raise CommandError(f"there is no version {options['version']}", returncode=2)
        try:
            label = read_label(options["label"])
        except LabelInvalid as error:
            raise CommandError(f"--label: {error}", returncode=2) from None
        found = backtest(draft, now=timezone.now(), label=label)
        if found is None:
            raise CommandError("no scoring model is active", returncode=2)
        if options["json"]:
            self.stdout.write(json.dumps(found.to_json()))
            return
        for line in table(found):
            self.stdout.write(line)


def table(found: Backtest) -> list[str]:
    """The whole answer as lines of text."""
    head = f"draft {found.draft.version} against active {found.active.version}"
    if found.judged is None:
        return [head, found.missing]
    good = found.label.kind
    lines = [head, "", f"all {found.judged.n} counted decisions", *_lines(found.judged, good)]
    if found.since_draft is not None:
        lines += [
            "",
            f"{found.since_draft.n} of them since the draft",
            *_lines(found.since_draft, good),
        ]
    else:
        lines += ["", "since the draft: not enough data"]
    if found.left_out:
        lines.append(f"left out, facts of that time not recorded: {found.left_out}")
    return lines


def _lines(judged: Judged, good: str) -> list[str]:
    before, after = judged.areas
    top_before, top_after = judged.precisions
    moved = judged.moved
    top = f"{good} of the best {judged.capacity}"
    return [
        f"  {'':28}{'active':>24}{'draft':>24}",
        f"  {'AUC (95 %)':28}{_area(before):>24}{_area(after):>24}",
        f"  {top:28}{_share(top_before):>24}{_share(top_after):>24}",
        f"  AUC gain {_area(judged.gain)}",
        f"  over the line {len(moved.into)}, under it {len(moved.out_of)}, "
        f"{good} leads lost {len(moved.lost)}",
        *([f"  lost: {', '.join(map(str, moved.lost[:20]))}"] if moved.lost else []),
    ]


def _area(one: Area) -> str:
    return f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"


def _share(one: Share) -> str:
    low, high = one.interval
    rate = one.rate or 0.0
    return f"{100 * rate:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
