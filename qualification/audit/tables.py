"""THE list of tables in the chain and the columns each entry vouches for.

Columns are named one by one, so that a new column changes no digest. `triggers.py` makes the SQL
from this list; a column or a table added here needs a migration that installs and records anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Chained:
    """A table in the chain. `columns` stay for ever; `sealed` may hold personal values and is
    vouched for by a salted digest, which says nothing any more once the salt is gone. `actor` names
    the column with the person, where the row has one; `since` the migration that installs it,
    `later` those of the columns that came after it."""

    kind: str
    table: str
    columns: tuple[str, ...]
    key: str = "id"
    sealed: tuple[str, ...] = ()
    actor: str = ""
    append_only: bool = False
    # Known, and left out on purpose: counters, texts about people who work here, secrets.
    left_out: tuple[str, ...] = ()
    since: str = "the_chain"
    later: tuple[str, ...] = ()

    def at_first(self) -> Chained:
        """As its first migration installs it."""
        first = tuple(name for name in self.columns if name not in self.later)
        return replace(self, columns=first, later=())


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CHAINED: tuple[Chained, ...] = (
    Chained(
        "decision",
        "qualification_decision",
        _names(
            "id item_id lead_id kind reason_id by_id at asked_by_id ae_id model_id total_tenths"
            " grade fired reverses_id team_id partner_id"
        ),
        sealed=_names("note override_reason frozen"),
        actor="by_id",
        append_only=True,
        later=("team_id", "partner_id"),
    ),
    Chained(
        "decision",
        "qualification_handoff",
        _names(
            "id decision_id lead_id ae_id state created_at answered_at target team_id partner_id"
        ),
        sealed=_names("packet return_reason"),
        later=("target", "team_id", "partner_id"),
    ),
    Chained(
        "merge",
        "crm_leadmerge",
        _names("id survivor_id loser_id by_id at moved undone_by_id undone_at"),
        since="merges_in_the_chain",
    ),
    Chained(
        "rule",
        "qualification_scoringmodel",
        _names(
            "id version name status base_fit base_intent fit_min fit_max intent_min intent_max"
            " total_min total_max mql accept fit_thresholds intent_thresholds tiers actions caps"
            " account_poor_below account_cap segments parent_id created_at created_by_id"
            " shadow_started_at shadow_by_id published_at published_as published_by_id retired_at"
        ),
    ),
    Chained(
        "rule",
        "qualification_scoringrule",
        _names(
            "id model_id key position name dimension condition points group segment disqualifies"
        ),
    ),
    Chained(
        "rule",
        "qualification_modelchange",
        _names("id model_id by_id at text"),
        actor="by_id",
        append_only=True,
    ),
    Chained("calendar", "qualification_businesscalendar", _names("id name is_default")),
    Chained(
        "calendar",
        "qualification_teamcalendar",
        _names("team_id calendar_id"),
        key="team_id",
    ),
    Chained(
        "calendar",
        "qualification_calendarversion",
        _names(
            "id calendar_id version zone week country region own_holidays days holidays"
            " created_at created_by_id"
        ),
        actor="created_by_id",
        append_only=True,
    ),
    Chained(
        "routing",
        "qualification_routingpool",
        _names("id name team_id"),
        left_out=("balances",),
    ),
    Chained("routing", "qualification_poolmember", _names("id pool_id person_id weight")),
    Chained(
        "routing",
        "qualification_workprofile",
        _names("id person_id capacity skills work_days works_from works_to reserved"),
        later=("reserved",),
    ),
    Chained("routing", "qualification_leave", _names("id profile_id starts_on ends_on")),
    Chained("routing", "qualification_accountowner", _names("id account_id person_id")),
    Chained(
        "routing",
        "qualification_routingrule",
        _names(
            "id position name is_active condition segment to_account_owner skills team_id pool_id"
        ),
    ),
    Chained(
        "policy",
        "qualification_slapolicy",
        _names(
            "id kind tier source_id segment_id team_id is_active minutes warn_minutes on_breach"
            " escalate_after on_escalation"
        ),
    ),
    Chained(
        "policy",
        "qualification_rejectionreason",
        _names(
            "id key group label influences suggests_nurture needs_note needs_attempts"
            " returns_credit is_active position"
        ),
    ),
    Chained(
        "policy",
        "qualification_segment",
        _names("id key name description query created_by_id created_at updated_at"),
    ),
    Chained(
        "policy", "qualification_criterion", _names("id key label value_type stale_after_days")
    ),
    Chained(
        "policy",
        "qualification_framework",
        _names("id key version name is_default is_active published_at"),
    ),
    Chained(
        "policy",
        "qualification_frameworkitem",
        _names(
            "id framework_id position part criterion_id question why is_required unknown_ok"
            " stale_ok"
        ),
    ),
    Chained("policy", "qualification_frameworktext", _names("id item_id language question why")),
    Chained(
        "policy",
        "qualification_frameworkrule",
        _names("id position name is_active segment_id condition framework_key"),
    ),
    Chained("permission", "crm_team", _names("id name is_fallback")),
    Chained(
        "permission",
        "crm_user",
        _names("id is_superuser is_staff is_active team_id"),
        # Who the number is: two people who exchange numbers exchange rights.
        sealed=_names("username email"),
        left_out=_names(
            "password last_login first_name last_name date_joined time_zone has_single_keys"
            " hidden_hints"
        ),
    ),
    Chained("permission", "crm_user_groups", _names("id user_id group_id")),
    Chained("permission", "crm_user_user_permissions", _names("id user_id permission_id")),
    Chained("permission", "auth_group", _names("id name")),
    Chained("permission", "auth_group_permissions", _names("id group_id permission_id")),
    Chained(
        "erasure",
        "crm_erasure",
        _names(
            "id lead_id reference reason is_no_contact asked_at asked_by_id carried_out_at"
            " carried_out_by_id company"
        ),
        actor="carried_out_by_id",
        since="people_are_erased",
    ),
    Chained(
        "erasure",
        "crm_personalexport",
        _names("id lead_id at by_id form"),
        actor="by_id",
        append_only=True,
        since="people_are_erased",
    ),
    Chained(
        "routing",
        "qualification_handoffmove",
        _names(
            "id handoff_id from_ae_id from_team_id from_partner_id to_ae_id to_team_id"
            " to_partner_id by_id at"
        ),
        actor="by_id",
        append_only=True,
        # An erasure blanks it.
        left_out=("reason",),
        since="destinations",
    ),
    Chained(
        "routing",
        "qualification_partner",
        _names("id name region product answer_minutes is_active"),
        sealed=_names("contact email"),
        since="destinations",
    ),
    Chained(
        "policy",
        "qualification_destinationfield",
        _names("id target subject"),
        since="destinations",
    ),
    Chained(
        "routing",
        "qualification_destinationrule",
        _names("id position name is_active condition team_id partner_id"),
        since="destinations",
    ),
)
# What the erasure of a person may change, with nothing else in the row: the deed `erase`.
ERASABLE = tuple(chained for chained in CHAINED if chained.kind == "decision")
BY_TABLE = {chained.table: chained for chained in CHAINED}
