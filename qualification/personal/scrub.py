"""Decides what of a frozen decision, a packet or an event key stays when its person is erased.

Pure. What is not named here goes, so that a new part of a packet is gone until somebody thought
about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm.matching.no_contact import ERASED_KEY, erased_key
from qualification.handoff.packet import PERSON_FIELDS
from qualification.scoring.ledger import DISQUALIFIER, EXCLUDED, RULE

# Of the lead: what it keeps in its own row, too.
LEAD_KEPT = (
    "email_kind",
    "country",
    "channel",
    "campaign",
    "opted_out",
    "stage",
    "received_at",
    "source",
)
FROZEN_KEPT = ("at", "model_version", "framework", "clock", "said")
PACKET_KEPT = ("at", "score", "framework", "open")
ANSWER_SAID = {"value": None, "words": "", "source": "", "evidence_url": ""}
# Lines whose fact quotes what is known of the lead; the others quote the model.
_QUOTING = frozenset([RULE, DISQUALIFIER, EXCLUDED])


def scrub_frozen(frozen: dict[str, Any], _row: Mapping[str, Any], at: str) -> dict[str, Any]:
    """What a decision rests on without the person: the lines of the score with their points, the
    clock, which questions had which kind of answer."""
    if not frozen:
        return frozen
    lead = frozen.get("lead") or {}
    answers = frozen.get("answers") or {}
    return {
        **{name: frozen[name] for name in FROZEN_KEPT if name in frozen},
        "lead": {name: lead[name] for name in LEAD_KEPT if name in lead},
        "account": None,
        "ledger": scrub_ledger(frozen.get("ledger")),
        "answers": {key: _answer(answer) for key, answer in answers.items()},
        "hold": {**(frozen.get("hold") or {}), "next_task": ""},
        **_seen(frozen.get("seen")),
        "erased_at": at,
    }


def _seen(seen: dict[str, Any] | None) -> dict[str, Any]:
    """The clock without why it stood still; nothing of who was alike or active."""
    if not seen:
        return {}
    pause = seen["clock"]["pause"]
    still = None if pause is None else {**pause, "reason": ""}
    return {"seen": {"clock": {**seen["clock"], "pause": still}}}


def scrub_packet(packet: dict[str, Any], row: Mapping[str, Any], at: str) -> dict[str, Any]:
    """A packet in the same shape, with the score and the questions in it and nobody else."""
    budget = packet.get("budget")
    return {
        **{name: packet[name] for name in PACKET_KEPT if name in packet},
        "lead": {
            **dict.fromkeys(PERSON_FIELDS, ""),
            "id": row["lead_id"],
            "name": f"Lead {row['lead_id']}",
            "company": "",
        },
        "account": None,
        "answers": [_answer(answer) for answer in packet.get("answers") or []],
        "watch_out": [_answer(answer) for answer in packet.get("watch_out") or []],
        "budget": _answer(budget) if budget else None,
        "journey": [],
        "touches": [],
        "ledger": scrub_ledger(packet.get("ledger")),
        "opening": {"text": "", "fact": ""},
        "note": "",
        "override_reason": "",
        "erased_at": at,
    }


def scrub_ledger(ledger: dict[str, Any] | None) -> dict[str, Any] | None:
    """The same lines and points; what fired a rule is not said any more."""
    if ledger is None:
        return None
    lines = [{**line, "fact": ""} if line["kind"] in _QUOTING else line for line in ledger["lines"]]
    return {**ledger, "lines": lines}


def scrub_event_key(key: str, row: Mapping[str, Any], _at: str) -> str:
    """A keyed hash by which the same event is known when it is delivered again."""
    return key if key.startswith(ERASED_KEY) else erased_key(row["source_id"], key)


def _answer(answer: dict[str, Any]) -> dict[str, Any]:
    """The question, how sure the answer was and when; of the answer itself a yes or a no."""
    said = {name: blank for name, blank in ANSWER_SAID.items() if name in answer}
    if isinstance(answer.get("value"), bool):
        del said["value"]
    return {**answer, **said}
