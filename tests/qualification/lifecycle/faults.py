"""A crash in the middle of a door: the step named here fails once, as a killed process would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from unittest import mock

# Between which two steps of a door it ends: the module of the door and the step that never comes.
STEPS = {
    "claim": ("qualification.review.claims", "log_event"),
    "release": ("qualification.review.claims", "pass_on"),
    "touch": ("qualification.review.touches", "log_event"),
    "undo touch": ("qualification.review.touch_undo", "log_event"),
    "snooze": ("qualification.review.touches", "log_event"),
    "reassign": ("qualification.review.claims", "log_event"),
    "accept": ("qualification.review.decisions", "hand_over"),
    "reject": ("qualification.routing.credit", "give_back"),
    "nurture": ("qualification.review.decisions", "plan_nurture"),
    "undo": ("qualification.review.undo", "show_clocks"),
    "overturn": ("qualification.review.undo", "enter_queue"),
    "bring_back": ("qualification.review.turned_away", "enter_queue"),
    "take": ("qualification.handoff.answers", "log_event"),
    "return": ("qualification.handoff.answers", "enter_queue"),
    "pause": ("qualification.review.pauses", "show_clocks"),
    "resume": ("qualification.review.pauses", "show_clocks"),
    "skip": ("qualification.review.skips", "put_back"),
    "move": ("qualification.handoff.moves", "post_letters"),
    "outcome": ("qualification.outcomes.record", "_follow"),
    "activate": ("qualification.scoring.versions", "start_run"),
    "publish": ("qualification.scoring.versions", "start_run"),
    "shadow": ("qualification.scoring.versions", "_set_status"),
    "calendar": ("qualification.sla.edits", "show_clocks"),
    "merge": ("qualification.review.merge", "merge_leads"),
    "unmerge": ("qualification.review.merge", "_facts_changed"),
    "erase": ("qualification.personal.erase", "_seal"),
    # Of the pipeline: before anything is known of the message, and before the score.
    "intake": ("qualification.pipeline", "upsert_lead"),
    "follow": ("qualification.pipeline", "facts_changed"),
    "score": ("qualification.pipeline", "score_and_queue"),
    # Of the sweepers.
    "timers": ("qualification.sla.sweep", "show_clocks"),
    "overdue": ("qualification.review.overdue", "tell_all"),
    "leases": ("qualification.review.claims", "log_events"),
    "wakeups": ("qualification.review.nurture", "enter_queue"),
}


class Crash(Exception):
    """The process ended here."""


@contextmanager
def crashing_before(step: str) -> Iterator[None]:
    """Within the block the named step ends whoever takes it."""
    module, name = STEPS[step]
    with mock.patch.object(import_module(module), name, side_effect=Crash(step)):
        yield
