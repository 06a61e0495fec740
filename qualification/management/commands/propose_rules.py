"""`manage.py propose_rules`: what decisions say about the points of the live rules."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from qualification.feedback.evidence import RuleEvidence
from qualification.feedback.proposals import ProposalRun, propose_rules
from qualification.models import RuleProposal


class Command(BaseCommand):
    help = (
        "Opens proposals for rules whose points decisions would change. Applies none. "
        "Last line: decisions=N proposals=N strong=N not_enough=N."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        run = propose_rules(now=timezone.now())
        if run.model is None:
            raise CommandError("no scoring model is active", returncode=2)
        if options["json"]:
            self.stdout.write(json.dumps(as_json(run), ensure_ascii=False))
            return
        for proposal in run.proposals:
            self.stdout.write(proposal_line(proposal))
        for about in run.not_enough:
            self.stdout.write(f"{about.rule.name}: {about.why}")
        for about in run.quiet:
            self.stdout.write(f"{about.rule.name}: declined lately or in the draft already")
        self.stdout.write(last_line(run))


def proposal_line(proposal: RuleProposal) -> str:
    """Rule, points, evidence in one line."""
    told = proposal.evidence
    fired, rest = told["fired"], told["rest"]
    return (
        f"{proposal.rule.name}: {proposal.current_points} -> {proposal.proposed_points}"
        f"  [{told['grade']}] accepted {percent(fired)} of {fired['n']} where it fired,"
        f" {percent(rest)} of {rest['n']} elsewhere, q {told['q']}"
    )


def percent(share: dict[str, Any]) -> str:
    """A rate with its interval, such as `44.0 % (38.7-49.5)`."""
    if share["rate"] is None:
        return "-"
    return f"{share['rate']:.1%} ({100 * share['low']:.1f}-{100 * share['high']:.1f})"


def last_line(run: ProposalRun) -> str:
    """The line that scripts read."""
    strong = sum(1 for proposal in run.proposals if proposal.evidence["grade"] == "strong")
    return (
        f"decisions={run.counted} proposals={len(run.proposals)} strong={strong}"
        f" not_enough={len(run.not_enough)}"
    )


def as_json(run: ProposalRun) -> dict[str, Any]:
    """The run as plain data; every rule stands in one of the lists."""
    return {
        "model": None if run.model is None else run.model.version,
        "decisions": run.counted,
        "proposals": [
            {
                "id": proposal.pk,
                "rule": proposal.rule.name,
                "rule_key": proposal.rule_key,
                "current_points": str(proposal.current_points),
                "proposed_points": str(proposal.proposed_points),
                "evidence": proposal.evidence,
            }
            for proposal in run.proposals
        ],
        "not_enough_data": [_named(about) for about in run.not_enough],
        "unchanged": [_named(about) for about in run.unchanged],
        "quiet": [_named(about) for about in run.quiet],
    }


def _named(about: RuleEvidence) -> dict[str, Any]:
    return {"rule": about.rule.name, "rule_key": about.rule.key, "evidence": about.to_json()}
