"""Policy and work as rows, one topic a file."""

from qualification.models.audit import AuditCheck, AuditEntry
from qualification.models.bulk import BulkStep
from qualification.models.calendar import BusinessCalendar, CalendarVersion, TeamCalendar
from qualification.models.checklist import (
    ChecklistAnswer,
    Criterion,
    Framework,
    FrameworkItem,
    FrameworkRule,
    FrameworkText,
)
from qualification.models.crm import CrmConnection, CrmLink
from qualification.models.decision import Decision, RejectionReason
from qualification.models.destination import (
    DestinationField,
    DestinationRule,
    Partner,
    Target,
)
from qualification.models.feedback import RuleProposal, ScoreDispute
from qualification.models.figures import KeptFigures
from qualification.models.follow import (
    Cadence,
    CadenceRun,
    CadenceStep,
    CadenceStepDone,
    ContactHour,
    NurturePlan,
)
from qualification.models.handoff import Handoff, HandoffMove
from qualification.models.material import Material, MaterialStage
from qualification.models.notices import (
    Notice,
    NoticePreference,
    NoticeSettings,
    WebhookTarget,
)
from qualification.models.outbox import OutboxMessage
from qualification.models.practice import PracticeCase, PracticeRound
from qualification.models.presence import Presence
from qualification.models.release import ReleaseAck, ReleaseNote, RuleReview, ShadowScore
from qualification.models.review import ItemEvent, ReviewItem, Touch, TouchUndo
from qualification.models.routing import (
    AccountOwner,
    Assignment,
    Leave,
    PoolMember,
    RoutingCredit,
    RoutingPool,
    RoutingRule,
    WorkProfile,
)
from qualification.models.runs import RunKind, RunState, ScoringChunk, ScoringRun
from qualification.models.saved_view import SavedView
from qualification.models.scoring import (
    LeadScore,
    ModelChange,
    ScoreMove,
    ScoringDue,
    ScoringModel,
    ScoringRule,
)
from qualification.models.segment import Segment
from qualification.models.self_check import SelfCheck
from qualification.models.skip import Skip
from qualification.models.sla import (
    Heartbeat,
    SLAEvent,
    SLAFollowUp,
    SLAPause,
    SLAPolicy,
    SLATimer,
)
from qualification.models.tally import QuestionTally

__all__ = [
    "AccountOwner",
    "Assignment",
    "AuditCheck",
    "AuditEntry",
    "BulkStep",
    "BusinessCalendar",
    "Cadence",
    "CadenceRun",
    "CadenceStep",
    "CadenceStepDone",
    "CalendarVersion",
    "ChecklistAnswer",
    "ContactHour",
    "Criterion",
    "CrmConnection",
    "CrmLink",
    "Decision",
    "DestinationField",
    "DestinationRule",
    "Framework",
    "FrameworkItem",
    "FrameworkRule",
    "FrameworkText",
    "Handoff",
    "HandoffMove",
    "Heartbeat",
    "ItemEvent",
    "KeptFigures",
    "LeadScore",
    "Leave",
    "Material",
    "MaterialStage",
    "ModelChange",
    "Notice",
    "NoticePreference",
    "NoticeSettings",
    "NurturePlan",
    "OutboxMessage",
    "Partner",
    "PoolMember",
    "PracticeCase",
    "PracticeRound",
    "Presence",
    "QuestionTally",
    "RejectionReason",
    "ReleaseAck",
    "ReleaseNote",
    "ReviewItem",
    "RoutingCredit",
    "RoutingPool",
    "RoutingRule",
    "RuleProposal",
    "RuleReview",
    "RunKind",
    "RunState",
    "SLAEvent",
    "SLAFollowUp",
    "SLAPause",
    "SLAPolicy",
    "SLATimer",
    "SavedView",
    "ScoreDispute",
    "ScoreMove",
    "ScoringChunk",
    "ScoringDue",
    "ScoringModel",
    "ScoringRule",
    "ScoringRun",
    "Segment",
    "SelfCheck",
    "ShadowScore",
    "Skip",
    "Target",
    "TeamCalendar",
    "Touch",
    "TouchUndo",
    "WebhookTarget",
    "WorkProfile",
]
