"""Choice sets used by several rooms. Values are the words of the domain."""

from django.db.models import IntegerChoices, TextChoices
from django.utils.translation import gettext_lazy as _


class Dimension(TextChoices):
    FIT = "fit", _("Fit")
    INTENT = "intent", _("Intent")


class Tier(TextChoices):
    HOT = "hot", _("Hot")
    WARM = "warm", _("Warm")
    COOL = "cool", _("Cool")
    COLD = "cold", _("Cold")


class TierRank(IntegerChoices):
    """Tiers as they sort: hot first; a disqualified or unscored lead last."""

    HOT = 0, _("Hot")
    WARM = 1, _("Warm")
    COOL = 2, _("Cool")
    COLD = 3, _("Cold")
    NONE = 4, _("None")


class ModelStatus(TextChoices):
    DRAFT = "draft", _("Draft")
    SHADOW = "shadow", _("Shadow")
    ACTIVE = "active", _("Live")
    RETIRED = "retired", _("Past")


class MoveCause(TextChoices):
    """Why the grade, tier or disqualification of a lead moved."""

    FIRST = "first", _("First score")
    FACTS = "facts", _("Facts or activity")
    VERSION = "version", _("Another version of the rules")
    CHECK = "check", _("Regular check of all leads")


class ItemState(TextChoices):
    WAITING = "waiting", _("Waiting")
    CLAIMED = "claimed", _("Claimed")
    OWNED = "owned", _("Owned")
    CLOSED = "closed", _("Closed")


class EntryReason(TextChoices):
    THRESHOLD = "threshold", _("Score reached the line")
    EXPLORATION = "exploration", _("Drawn from below the line")
    REINQUIRY = "reinquiry", _("Asked again")
    RETURNED = "returned", _("Returned by the AE")
    WOKEN = "woken", _("Woke up")
    TAKEN_BACK = "taken_back", _("Taken out of nurture")
    OVERTURNED = "overturned", _("Rejection overturned")
    REVERSED = "reversed", _("Decision undone")


class CloseReason(TextChoices):
    DECIDED = "decided", _("Decided")
    BELOW_LINE = "below_line", _("Score fell below the line")
    DISQUALIFIED = "disqualified", _("Disqualified by a rule")
    MERGED = "merged", _("Merged")
    ERASED = "erased", _("Personal data erased")


class Bucket(IntegerChoices):
    """First part of the rank: what burns, what runs, what is paused."""

    URGENT = 0, _("Warning or just breached")
    RUNNING = 1, _("Running")
    PAUSED = 2, _("Paused")


class TimerKind(TextChoices):
    FIRST_RESPONSE = "first_response", _("First response")
    DECISION = "decision", _("Decision")
    HANDOFF_ACCEPTANCE = "handoff_acceptance", _("Handoff acceptance")


class TimerState(TextChoices):
    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Paused")
    STOPPED = "stopped", _("Stopped")
    CANCELLED = "cancelled", _("Cancelled")


class SLAAction(TextChoices):
    """What a policy asks for on a breach or an escalation; blank: nothing."""

    NOTIFY = "notify", _("Tell holder and managers")
    REASSIGN = "reassign", _("Give it to the next one, and tell")


class TouchKind(TextChoices):
    CALL = "call", _("Call")
    MAIL = "mail", _("Mail")
    SOCIAL = "social", _("Social")
    MEETING = "meeting", _("Meeting")
    REPLY = "reply", _("Reply")


class TouchResult(TextChoices):
    NO_ANSWER = "no_answer", _("No answer")
    VOICEMAIL = "voicemail", _("Voicemail")
    SENT = "sent", _("Sent")
    SPOKE = "spoke", _("Spoke")


class CadenceEnd(TextChoices):
    """Why a run of follow-up steps is over."""

    FINISHED = "finished", _("All steps done")
    REPLIED = "replied", _("They answered")
    DECIDED = "decided", _("Decided")
    WOKEN = "woken", _("Back in the queue")
    STOPPED = "stopped", _("Stopped by hand")
    REPLACED = "replaced", _("Another one was started")
    RELEASED = "released", _("Given back")
    MERGED = "merged", _("Merged")


class SkipReason(TextChoices):
    """Why somebody passes a lead on."""

    LANGUAGE = "language", _("I do not speak their language")
    EXPERTISE = "expertise", _("Not my product or industry")
    CONFLICT = "conflict", _("I know them; somebody else should")
    TIME = "time", _("No time to answer it now")
    OTHER = "other", _("Another reason")


class AnswerState(TextChoices):
    CONFIRMED = "confirmed", _("Confirmed")
    INFERRED = "inferred", _("Inferred")
    CONTRADICTED = "contradicted", _("Contradicted")
    UNKNOWN = "unknown", _("Unknown")


class DecisionKind(TextChoices):
    ACCEPT = "accept", _("Accepted")
    REJECT = "reject", _("Rejected")
    NURTURE = "nurture", _("Nurtured")
    REVERSED = "reversed", _("Undone")
    OVERTURNED = "overturned", _("Overturned")


class Influence(TextChoices):
    """Which dimension a rejection reason may be evidence about."""

    FIT = "fit", _("Fit")
    INTENT = "intent", _("Intent")
    DATA = "data", _("Data")
    NONE = "none", _("None")


class DisputeKind(TextChoices):
    BAD_DATA = "bad_data", _("Bad data")
    STALE = "stale", _("Stale")
    WRONG_RULE = "wrong_rule", _("Wrong rule")
    BOT = "bot", _("Bot")


class ProposalStatus(TextChoices):
    OPEN = "open", _("Open")
    IN_DRAFT = "in_draft", _("In draft")
    PUBLISHED = "published", _("Published")
    DECLINED = "declined", _("Declined")
    SUPERSEDED = "superseded", _("Superseded")


class BulkVerb(TextChoices):
    """What is done to many leads of the queue at once."""

    CLAIM = "claim", _("Claimed")
    ASSIGN = "assign", _("Assigned")
    RELEASE = "release", _("Given back")


class AssignedBy(TextChoices):
    """How a routing decision came about."""

    TURN = "turn", _("Next in turn")
    OWNER = "owner", _("Owner of the account")
    HELD = "held", _("Held: nobody can take it")
    TEAM = "team", _("For anybody of the team")
    FALLBACK = "fallback", _("No rule fits: fallback team")


class FreedBy(TextChoices):
    """What changed so that a held lead could go on. But for rules and pool it is why the person
    could not take it when it was held."""

    RULES = "rules", _("the rules changed")
    JOINED = "joined", _("they joined the pool")
    INACTIVE = "inactive", _("they work here again")
    ROLE = "role", _("they work the queue now")
    TEAM = "team", _("they joined the team")
    AWAY = "away", _("they are back from leave")
    CLOSED = "closed", _("the team is open again")
    HOURS = "hours", _("their shift began")
    SKILLS = "skills", _("they have the skills now")
    FULL = "full", _("they have room again")


class NoticeKind(TextChoices):
    """What people are told about. The sentences are in `notices/wording.py`."""

    LEAD_ASSIGNED = "lead_assigned", _("A lead is assigned to you")
    SLA_WARNING = "sla_warning", _("A clock of yours runs out soon")
    SLA_BREACH = "sla_breach", _("A clock has run out")
    SLA_ESCALATION = "sla_escalation", _("A breach is escalated to you")
    TASK_DUE = "task_due", _("A task is due")
    HANDOFF_RETURNED = "handoff_returned", _("An AE returned a lead you accepted")
    HANDOFF_MOVED = "handoff_moved", _("A handoff goes to the desk of another AE")
    LEAD_MERGED = "lead_merged", _("A lead of yours is merged with another record")
    MERGE_UNDONE = "merge_undone", _("The merge of a lead of yours is undone")
    REJECTION_OVERTURNED = "rejection_overturned", _("A lead you rejected is back in the queue")
    SOURCE_REJECTED = "source_rejected", _("A lead was rejected, and somebody tells its source")
    MANAGER_ASKED = "manager_asked", _("Somebody asks a manager to decide")
    LEADS_HELD = "leads_held", _("Leads are held because nobody can take them")
    INVARIANT_VIOLATED = "invariant_violated", _("A lead may be forgotten")
    VERSION_PUBLISHED = "version_published", _("A version of the scoring goes live")
    ERASURE_ASKED = "erasure_asked", _("Personal data are to be erased")


class Channel(TextChoices):
    """The ways a notice takes to a person."""

    IN_APP = "in_app", _("In LeadQual")
    MAIL = "mail", _("E-mail")
    WEBHOOK = "webhook", _("Chat")


class Digest(TextChoices):
    """How mail comes that was held back while the team was closed."""

    NONE = "none", _("Each by itself at the next opening")
    DAILY = "daily", _("Together, once a day")
    WEEKLY = "weekly", _("Together, once a week")


class TargetKind(TextChoices):
    """What an accepted lead is handed to."""

    AE = "ae", _("Account executive")
    TEAM = "team", _("Desk of a team")
    PARTNER = "partner", _("Partner")
