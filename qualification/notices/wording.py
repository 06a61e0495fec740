"""Decides what a notice says. One entry for each kind; placeholders come from the `words` it was
told with, `lead` is the lead as the reader may see it.

A `sentence` holds nothing that somebody typed: it may go to a chat tool. What was typed (a reason,
a note) is the `detail` and stays between LeadQual and the person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from qualification.choices import NoticeKind

Text = str | Promise
NOTHING: dict[str, str] = {}


@dataclass(frozen=True)
class Wording:
    """The words of a kind. `without_lead` is for notices about no lead, or about several;
    `page` names the page they open."""

    sentence: Text = ""
    without_lead: Text = ""
    detail: Text = ""
    page: str = ""


WORDINGS: dict[str, Wording] = {
    NoticeKind.LEAD_ASSIGNED: Wording(
        sentence=_("{lead} is assigned to you."),
        without_lead=_("{n} leads are assigned to you."),
        page="qualification:queue",
    ),
    NoticeKind.SLA_WARNING: Wording(sentence=_("{lead}: “{clock}” is due soon.")),
    NoticeKind.SLA_BREACH: Wording(
        sentence=_("{lead}: “{clock}” is overdue."),
        without_lead=_("{n} leads are overdue."),
        page="qualification:queue",
    ),
    NoticeKind.SLA_ESCALATION: Wording(
        sentence=_("{lead}: “{clock}” is long overdue. Please step in."),
        without_lead=_("{n} leads are long overdue. Please step in."),
        page="qualification:queue",
    ),
    NoticeKind.TASK_DUE: Wording(
        sentence=_("A task for {lead} is due."),
        detail="{task}",
        without_lead=_("{n} tasks are due."),
        page="qualification:my-work",
    ),
    NoticeKind.HANDOFF_RETURNED: Wording(
        sentence=_("{by} returned {lead}."), detail=_("Reason: {reason}")
    ),
    NoticeKind.HANDOFF_MOVED: Wording(
        sentence=_("{lead} is now on the desk of {to}."),
        detail=_("Reason: {reason}"),
        without_lead=_("{by} gave a handoff of yours to {to}."),
        page="qualification:handoff-list",
    ),
    NoticeKind.LEAD_MERGED: Wording(
        sentence=_("{by} merged {lead} with another record of the same person."),
        without_lead=_("{by} merged a lead of yours into one you do not see."),
        page="qualification:my-work",
    ),
    NoticeKind.MERGE_UNDONE: Wording(
        sentence=_("{by} undid a merge: {lead} and the other record are two leads again.")
    ),
    NoticeKind.REJECTION_OVERTURNED: Wording(
        sentence=_("{lead} gets another look and is back in the queue."),
        detail=_("What speaks for it: {note}"),
    ),
    NoticeKind.SOURCE_REJECTED: Wording(
        without_lead=_("A lead from {source} was rejected: {reason}. {n} from there this month."),
        page="qualification:source-list",
    ),
    NoticeKind.MANAGER_ASKED: Wording(
        sentence=_("{by} asks a manager to decide on {lead}."), detail="{note}"
    ),
    NoticeKind.LEADS_HELD: Wording(
        sentence=_("{lead} is held: nobody can take it."),
        detail="{reason}",
        without_lead=_("{n} leads are held: nobody can take them."),
        page="qualification:queue",
    ),
    NoticeKind.INVARIANT_VIOLATED: Wording(
        sentence=_("{lead} is in nobody’s hands."),
        without_lead=_("The self-check found {n} rows that are not as they must be."),
        page="qualification:self-check",
    ),
    NoticeKind.VERSION_PUBLISHED: Wording(
        without_lead=_("Version {version} of the scoring is live."),
        page="qualification:release-list",
    ),
    NoticeKind.ERASURE_ASKED: Wording(
        sentence=_("{by} asks that the personal data of {lead} are erased.")
    ),
}
# What the reader sees of a lead that is not, or not any more, in their sight.
OUT_OF_SIGHT = _("This was about a lead you do not see any more.")


def lead_number(pk: int) -> str:
    """How a lead is called where its name must not stand."""
    return gettext("Lead %(number)s") % {"number": pk}


def sentence_of(kind: str, words: Mapping[str, str], *, lead: str | None) -> str:
    """What a notice says; `lead` is how the lead is called, None for one about no single lead."""
    wording = WORDINGS[kind]
    if lead is None:
        return str(wording.without_lead).format(**words)
    return str(wording.sentence).format(**words, lead=lead)


def detail_of(kind: str, words: Mapping[str, str], *, is_about_lead: bool) -> str:
    """What somebody typed about it; blank when nobody did."""
    detail = str(WORDINGS[kind].detail) if is_about_lead else ""
    wanted = placeholders(detail)
    if not wanted or not all(words.get(name) for name in wanted):
        return ""
    return detail.format(**words)


def placeholders(text: Text) -> set[str]:
    """The names in braces."""
    return {name for _literal, name, _spec, _conversion in Formatter().parse(str(text)) if name}


def refuse_missing(kind: str, words: Mapping[str, str], *, is_about_lead: bool) -> None:
    """Raises KeyError when the sentence would have a gap: a mistake of the caller."""
    wording = WORDINGS[kind]
    text = wording.sentence if is_about_lead else wording.without_lead
    if not text:
        raise KeyError(f"{kind} has no sentence {'with' if is_about_lead else 'without'} a lead")
    missing = placeholders(text) - {"lead"} - set(words)
    if missing:
        raise KeyError(f"{kind} needs the words {', '.join(sorted(missing))}")
