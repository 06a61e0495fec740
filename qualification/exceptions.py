"""Rules of qualification that can be broken, each named for the rule.

The text is for the person at the screen: what happened, then the way out. `DomainErrors`
(middleware) turns them into an answer with `status`.
"""

from __future__ import annotations

from django.db import OperationalError
from django.utils.translation import gettext as _
from psycopg.errors import LockNotAvailable


class QualificationError(Exception):
    """Base of everything qualification refuses."""

    status = 409


class Busy(QualificationError):
    """Another transaction holds the row longer than a page may wait."""

    def __init__(self) -> None:
        super().__init__(_("Somebody else is changing this lead right now. Try again."))


def is_held_elsewhere(error: Exception) -> bool:
    """Whether PostgreSQL gave up the wait for a row that somebody else holds."""
    return isinstance(error, OperationalError) and isinstance(error.__cause__, LockNotAvailable)


class TooSlow(QualificationError):
    """PostgreSQL stopped a statement that took longer than a page may."""

    status = 503


class ClaimTaken(QualificationError):
    """Somebody else holds the lead; the text names them."""


class NotTheirTurn(QualificationError):
    """Routing chose somebody else for the lead, or holds it until somebody can take it."""


class ClaimLimitReached(QualificationError):
    """The person holds as many claims as allowed."""


class NotHolder(QualificationError):
    """Only the holder may do this; the claim ended, moved or was never theirs."""


class TaskInvalid(QualificationError):
    """A next task needs a time in the future."""

    status = 422


class PauseInvalid(QualificationError):
    """A pause needs a reason and an end within reach."""

    status = 422


class SkipUnexplained(QualificationError):
    """A lead is skipped for a reason; “another” needs words."""

    status = 422


class ReleaseUnexplained(QualificationError):
    """A manager says why they give back what somebody else holds."""

    status = 422


class WrongNumberChosen(QualificationError):
    """A verb on several leads wants at least one, and not more than it takes at once."""

    status = 422


class ViewNameTaken(QualificationError):
    """The person has a saved view of this name."""

    status = 422


class ViewTooMany(QualificationError):
    """The person keeps as many views as anybody may."""

    status = 422


class FiltersNotKept(QualificationError):
    """A view keeps at least one filter, and only such as the queue understands."""

    status = 422


class NeedsSecondPerson(QualificationError):
    """By policy this is decided by two: one asks, a manager agrees."""


class FrameworkRefused(QualificationError):
    """A checklist cannot be changed, published or taken off offer like this; the text says why."""


class NotPausable(QualificationError):
    """The clock does not run, or is not paused; the text says which."""


class LeadErased(QualificationError):
    """The personal data of the lead were erased; nothing can be done with it any more."""


class ErasureRefused(QualificationError):
    """A person cannot be erased, or asked to be, like this; the text says why."""

    status = 422


class AlreadyDecided(QualificationError):
    """The item was closed meanwhile; the text says by whom and how."""


class ParentInvalid(QualificationError):
    """A company cannot be the parent of this one; the text says why."""

    status = 422


class NotMergeable(QualificationError):
    """Two leads cannot be made one, or two again, by this person or as they stand; the text says
    why."""


class FactsChanged(QualificationError):
    """Somebody or a source changed the facts since the writer looked; `found` has them by key."""

    def __init__(self, text: str, found: dict[str, str]) -> None:
        super().__init__(text)
        self.found = found


class StaleForm(QualificationError):
    """The page was drawn before something changed; the text says what."""


class ChecklistIncomplete(QualificationError):
    """Required answers are missing or contradicted; `missing` names the questions."""

    status = 422

    def __init__(self, message: str, missing: list[str]) -> None:
        super().__init__(message)
        self.missing = missing


class DestinationIncomplete(QualificationError):
    """What a destination needs is not known of the lead; `missing` names it."""

    status = 422

    def __init__(self, message: str, missing: list[str]) -> None:
        super().__init__(message)
        self.missing = missing


class LinkInvalid(QualificationError):
    """A partner's link that is not ours, ran out, or leads to a handoff that went elsewhere."""

    status = 404


class AnswerInvalid(QualificationError):
    """A checklist answer does not fit its question; the text names the question."""

    status = 422


class DecisionIncomplete(QualificationError):
    """A decision lacks what it needs: a reason, a note, an AE, a wake condition."""

    status = 422


class PlanEnded(QualificationError):
    """The lead is no longer asleep: it woke or was taken back meanwhile."""


class CadenceRefused(QualificationError):
    """A cadence cannot be started or changed so: no such lead, no steps, not theirs."""


class TooFewAttempts(QualificationError):
    """“Unreachable” before the minimum number of attempts."""

    status = 422


class UndoExpired(QualificationError):
    """The time to undo is over, it was not this person's deed, or something happened since."""


class NotOverturnable(QualificationError):
    """The decision is no standing rejection."""


class ModelInvalid(QualificationError):
    """A scoring model document or draft is not usable; the text names rule and reason."""

    status = 422


class ModelFrozen(QualificationError):
    """The version is no draft and cannot be changed."""


class NothingRecorded(QualificationError):
    """Of this lead nothing was recorded by the moment asked for."""

    status = 404


class FactsInvalid(QualificationError):
    """Facts given to be scored are not what facts are; the text says which and why."""

    status = 422


class PublishRefused(QualificationError):
    """The version may not go live: wrong status, author, or one activity type crosses the line."""


class NothingToCompare(QualificationError):
    """A simulation needs a live version beside the one it looks at."""


class ShadowRefused(QualificationError):
    """The version may not enter or leave shadow: wrong status, another one is there, no right."""


class ShadowTooShort(PublishRefused):
    """The shadow has seen too few leads for too short a time; the text says what is missing."""


class ReviewRefused(QualificationError):
    """A rule's review cannot be set so: no right, no such rule, or an unusable date."""

    status = 422


class ProposalClosed(QualificationError):
    """The proposal is no longer open."""


class NotEnoughEvidence(QualificationError):
    """Too few decisions speak for a proposal; the text says what is missing."""

    status = 422


class HandoffAnswered(QualificationError):
    """The handoff was already taken, returned or undone."""


class LabelInvalid(QualificationError):
    """What a version is to be judged by is no label; the text says what is."""

    status = 422


class OutcomeInvalid(QualificationError):
    """An outcome told from outside cannot be kept; the text says what is wrong with it."""

    status = 422


class BusinessTimeInvalid(QualificationError):
    """A calendar or a question about it makes no sense; the text names the place and the rule."""

    status = 422


class TooFewPastLeads(QualificationError):
    """A practice round wants enough past leads of the team that the person had no part in."""

    status = 422


class PracticeOpen(QualificationError):
    """The person has begun a practice round; it goes on before another starts."""


class AlreadyPractised(QualificationError):
    """A case of a practice round is judged once, and only when it is its turn."""
