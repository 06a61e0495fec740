"""THE list of where personal data live, and what becomes of each column when a person is erased.

Every column of text, JSON or bytes in the database is named here, or a test fails: blanked,
scrubbed, gone with its row, or kept because it says nothing of a person. Read by the erasure and
by the export.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm.models.account import ONE_PERSONS_COLUMNS
from crm.models.lead import PERSONAL_COLUMNS
from qualification.personal.scrub import scrub_event_key, scrub_frozen, scrub_packet

# (value, the whole row, the moment of the erasure) → what stands there afterwards.
Scrub = Callable[[Any, Mapping[str, Any], str], Any]

BLANK, NULL, OBJECT = "''", "NULL", "'{}'"
# Where the table wants some text.
ERASED = "'[erased]'"
_NULLS = frozenset(["account_id", "email_key", "phone_key", "employees", "revenue"])


@dataclass(frozen=True)
class Held:
    """A table with rows about a person. `of` is SQL for which rows, over `%(lead)s` and
    `%(company)s` (NULL unless nobody else belongs to the company); `blank` maps columns to the SQL
    of what stands there afterwards, `scrub` to functions. `goes`: the whole row does."""

    table: str
    name: str | Promise
    of: str
    blank: Mapping[str, str] = field(default_factory=dict)
    scrub: Mapping[str, Scrub] = field(default_factory=dict)
    keep: str = ""
    goes: bool = False
    # Columns about people who work here, which an export leaves out.
    others: str = ""

    @property
    def named(self) -> frozenset[str]:
        """The columns this line says something about."""
        return frozenset([*self.blank, *self.scrub, *self.keep.split()])


def _nothing(columns: str) -> dict[str, str]:
    """Each column blank, by its kind."""
    return {
        name: OBJECT if name == "attributes" else NULL if name in _NULLS else BLANK
        for name in columns.split()
    }


_OF_LEAD = "lead_id = %(lead)s"
_OF_ITEM = "item_id IN (SELECT id FROM qualification_reviewitem WHERE lead_id = %(lead)s)"
_HANDOFFS = "SELECT id FROM qualification_handoff WHERE lead_id = %(lead)s"
# Those about no lead that are about a handoff of it.
_OF_HANDOFFS = f"""lead_id IS NULL AND key LIKE ANY (
    SELECT 'handoff:' || h.id || ':%%' FROM ({_HANDOFFS}) AS h (id))"""  # noqa: S608 - ours

HELD: tuple[Held, ...] = (
    Held(
        "crm_lead",
        _("Lead"),
        "id = %(lead)s",
        blank=_nothing(PERSONAL_COLUMNS),
        keep="country channel campaign",
    ),
    Held(
        "crm_leadevent",
        _("History of the lead"),
        "pgh_obj_id = %(lead)s",
        blank=_nothing(PERSONAL_COLUMNS),
        keep="pgh_label country channel campaign",
    ),
    Held("crm_leadidentity", _("How sources know the person"), _OF_LEAD, goes=True),
    Held(
        "crm_inboxmessage",
        _("Messages as they came"),
        _OF_LEAD,
        blank={"body": "''::bytea", "error": BLANK},
        scrub={"event_key": scrub_event_key},
        keep="content_type",
    ),
    Held(
        "crm_activity",
        _("Activities"),
        _OF_LEAD,
        blank={"properties": OBJECT, "event_key": NULL},
        keep="type",
    ),
    Held(
        "crm_activityverdict",
        _("What machines did"),
        "activity_id IN (SELECT id FROM crm_activity WHERE lead_id = %(lead)s)",
        keep="reason",
    ),
    Held("crm_leadrole", _("Buying roles"), _OF_LEAD, blank={"source": BLANK}),
    Held("crm_stageevent", _("Moves between stages"), _OF_LEAD, keep="reason"),
    # The number of a deal, by which an outcome told twice is known: not of a person.
    Held(
        "crm_outcome",
        _("Outcomes"),
        _OF_LEAD,
        blank={"told_lead": BLANK},
        keep="external_id effect",
    ),
    # A company is no person, unless the person is all there is to it.
    Held(
        "crm_account",
        _("Company of this person alone"),
        "id = %(company)s",
        blank={**_nothing(ONE_PERSONS_COLUMNS), "name": "'Company ' || id"},
    ),
    Held(
        "crm_accountevent",
        _("History of the company of this person alone"),
        "pgh_obj_id = %(company)s",
        blank=_nothing(ONE_PERSONS_COLUMNS),
        keep="pgh_label",
    ),
    Held(
        "crm_accountdomain",
        _("Domains of the company of this person alone"),
        "account_id = %(company)s",
        goes=True,
    ),
    Held(
        "crm_leadmerge",
        _("Merges with other leads"),
        "survivor_id = %(lead)s OR loser_id = %(lead)s",
        keep="moved",
    ),
    Held("crm_erasure", _("Request to erase"), _OF_LEAD, keep="reference"),
    Held("crm_personalexport", _("Exports like this one"), _OF_LEAD),
    Held(
        "qualification_reviewitem",
        _("Stays in the queue"),
        _OF_LEAD,
        blank={"next_task": BLANK},
        keep="hold_reason framework_reason",
    ),
    Held(
        "qualification_itemevent",
        _("What happened to them"),
        _OF_ITEM,
        blank={"note": BLANK},
        keep="verb",
    ),
    Held(
        "qualification_touch",
        _("Contacts and attempts"),
        _OF_LEAD,
        blank={"note": BLANK, "found": OBJECT},
    ),
    Held(
        "qualification_bulkstep",
        _("Hands it was in before a verb on many"),
        _OF_ITEM,
        blank={"next_task": BLANK},
        keep="verb state hold_reason",
    ),
    Held("qualification_skip", _("Skips"), _OF_ITEM, blank={"note": BLANK}),
    Held(
        "qualification_slatimer",
        _("Clocks"),
        _OF_LEAD,
        keep="escalate_at",
    ),
    Held(
        "qualification_slapause",
        _("Pauses of clocks"),
        "timer_id IN (SELECT id FROM qualification_slatimer WHERE lead_id = %(lead)s)",
        blank={"reason": ERASED},
    ),
    Held(
        "qualification_assignment",
        _("Routing"),
        _OF_LEAD,
        keep="rule_name hold_reason held_for candidates",
        others="candidates",
    ),
    # A yes or a no counts in what past answers teach; without the person it is nobody's.
    Held(
        "qualification_checklistanswer",
        _("Answers"),
        _OF_LEAD,
        blank={
            "value": "CASE WHEN jsonb_typeof(value) = 'boolean' THEN value END",
            "source": BLANK,
            "evidence_url": BLANK,
        },
    ),
    Held(
        "qualification_scoredispute",
        _("Disputed score lines"),
        _OF_LEAD,
        blank={"note": BLANK},
        keep="rule_key",
    ),
    Held("qualification_leadscore", _("Score"), _OF_LEAD, keep="grade tier disqualified"),
    Held(
        "qualification_scoremove",
        _("How the grade moved"),
        _OF_LEAD,
        keep="cause grade tier disqualified was_grade was_tier",
    ),
    Held(
        "qualification_shadowscore",
        _("Scores of versions in shadow"),
        _OF_LEAD,
        keep="grade tier disqualified live_grade live_tier live_disqualified",
    ),
    Held(
        "qualification_decision",
        _("Decisions and what they rest on"),
        _OF_LEAD,
        blank={"note": BLANK, "override_reason": BLANK},
        scrub={"frozen": scrub_frozen},
        keep="grade fired",
    ),
    Held("qualification_nurtureplan", _("Plans of nurture"), _OF_LEAD, keep="wake_activity"),
    Held("qualification_cadencerun", _("Cadences"), _OF_LEAD),
    Held("qualification_practicecase", _("Rounds of practice it was in"), _OF_LEAD),
    Held(
        "qualification_handoff",
        _("Handoffs and their packets"),
        _OF_LEAD,
        blank={"return_reason": f"CASE WHEN return_reason = '' THEN '' ELSE {ERASED} END"},
        scrub={"packet": scrub_packet},
    ),
    Held(
        "qualification_handoffmove",
        _("Moves of handoffs"),
        f"handoff_id IN ({_HANDOFFS})",
        blank={"reason": ERASED},
    ),
    Held(
        "qualification_notice",
        _("Notices to colleagues"),
        f"{_OF_LEAD} OR {_OF_HANDOFFS}",
        goes=True,
    ),
    # Ids only; what failed may have said more.
    Held(
        "qualification_outboxmessage",
        _("Outgoing messages"),
        "decision_id IN (SELECT id FROM qualification_decision WHERE lead_id = %(lead)s)",
        blank={"error": BLANK},
        keep="key kind lane order_key payload",
    ),
    # They go when the CRM has been told to forget the person (`connectors/forget.py`).
    Held(
        "qualification_crmlink",
        _("What CRMs call them"),
        f"kind = 'lead' AND our_id = %(lead)s OR kind = 'handoff' AND our_id IN ({_HANDOFFS})",
        keep="vendor_id",
    ),
    Held(
        "django_admin_log",
        _("Changes in the admin"),
        "content_type_id IN (SELECT id FROM django_content_type"
        " WHERE app_label = 'crm' AND model = 'lead') AND object_id = %(lead)s::text"
        " OR content_type_id IN (SELECT id FROM django_content_type"
        " WHERE app_label = 'crm' AND model = 'account') AND object_id = %(company)s::text",
        blank={"object_repr": BLANK, "change_message": BLANK},
        keep="object_id",
    ),
)

# Tables that hold nothing about a lead's person: policy, counts, people who work here. The history
# of such a table goes without saying.
NOT_PERSONAL: Mapping[str, str] = {
    "crm_attributedefinition": "name label",
    # Keyed hashes; nothing of the person can be read from them.
    "crm_nocontact": "digest",
    "crm_source": "name label credential secret",
    "crm_team": "name",
    "crm_user": "password username first_name last_name email time_zone hidden_hints",
    "qualification_auditcheck": "head_hash first_break",
    # Digests; seals lose their salts with the person (`erase.py`).
    "qualification_auditentry": "kind deed subject_table digest sealed salt previous hash",
    "qualification_businesscalendar": "name",
    "qualification_cadence": "key name",
    "qualification_cadencestep": "task",
    "qualification_calendarversion": "zone week country region own_holidays days holidays",
    "qualification_criterion": "key label",
    "qualification_crmconnection": "name kind url secret_name options poll_error",
    "qualification_destinationfield": "subject",
    "qualification_destinationrule": "name condition",
    "qualification_framework": "key name",
    "qualification_frameworkitem": "part question why",
    "qualification_frameworkrule": "name condition framework_key",
    "qualification_frameworktext": "language question why",
    "qualification_heartbeat": "name",
    # Numbers by team, source, week and country.
    "qualification_keptfigures": "name what question answer error",
    "qualification_material": "title url shows condition",
    "qualification_modelchange": "text",
    # People who work with us.
    "qualification_partner": "name contact email region product",
    # Numbers of decisions.
    "qualification_practiceround": "pool",
    "qualification_questiontally": "answers",
    "qualification_rejectionreason": "key group label",
    "qualification_releasenote": "text changes",
    "qualification_routingpool": "name balances",
    "qualification_routingrule": "name condition segment skills",
    "qualification_ruleproposal": "rule_key evidence decline_reason",
    "qualification_rulereview": "rule_key note",
    # What somebody of ours looks for.
    "qualification_savedview": "name query",
    "qualification_scoringchunk": "result",
    "qualification_scoringmodel": (
        "name fit_thresholds intent_thresholds tiers actions caps segments"
    ),
    "qualification_scoringrule": "key name condition group segment disqualifies",
    "qualification_scoringrun": "result error",
    "qualification_segment": "key name description query",
    "qualification_selfcheck": "checks",
    "qualification_slapolicy": "escalate_after",
    "qualification_webhooktarget": "name url secret",
    "qualification_workprofile": "skills work_days",
    # Of Django and its packages. A session holds the text of a message until it is shown.
    "auth_group": "name",
    "auth_permission": "name codename",
    "axes_accessattempt": "user_agent ip_address username http_accept path_info get_data post_data",
    "axes_accessfailurelog": "user_agent ip_address username http_accept path_info",
    "axes_accesslog": "user_agent ip_address username http_accept path_info session_hash",
    "django_content_type": "app_label model",
    "django_session": "session_key session_data",
    "pghistory_context": "metadata",
}
