"""Who may call which URL: the checked-in table. A URL of ours that is missing here fails the build.

`GET` pages and dialogs, `POST` verbs; `roles` are those with the right. Everybody else logged in
gets 403 before anything is looked up, strangers the log-in page.
"""

from __future__ import annotations

from dataclasses import dataclass

SDR, AE, MANAGER, ADMIN, MARKETING = "sdr", "ae", "manager", "admin", "marketing"
EVERYBODY = frozenset({SDR, AE, MANAGER, ADMIN, MARKETING})
SEE_LEADS = frozenset({SDR, AE, MANAGER, ADMIN})
WORK = frozenset({SDR, MANAGER, ADMIN})
MANAGE = frozenset({MANAGER, ADMIN})
SOURCES = frozenset({MANAGER, ADMIN, MARKETING})
DESK = frozenset({AE})


@dataclass(frozen=True)
class Access:
    """Methods a URL answers and the roles that may use it; `roles` None: open to all."""

    methods: frozenset[str]
    roles: frozenset[str] | None


def page(roles: frozenset[str] | None) -> Access:
    """Read by GET."""
    return Access(frozenset({"GET"}), roles)


def verb(roles: frozenset[str] | None) -> Access:
    """Done by POST."""
    return Access(frozenset({"POST"}), roles)


def dialog(roles: frozenset[str] | None) -> Access:
    """A form: drawn by GET, submitted by POST."""
    return Access(frozenset({"GET", "POST"}), roles)


ACCESS: dict[str, Access] = {
    "qualification:home": page(EVERYBODY),
    "qualification:theme": verb(EVERYBODY),
    "qualification:keys": verb(EVERYBODY),
    "qualification:stage-list": page(EVERYBODY),
    "qualification:hints-show": verb(EVERYBODY),
    "qualification:hints-hide": verb(EVERYBODY),
    "qualification:healthz": page(None),
    "qualification:intake": dialog(None),
    "qualification:intake-outcomes": verb(None),
    "qualification:queue": page(WORK),
    "qualification:queue-next": verb(WORK),
    "qualification:queue-pulse": page(WORK),
    "qualification:queue-bulk-claim": verb(WORK),
    "qualification:queue-bulk-assign": dialog(MANAGE),
    "qualification:queue-bulk-release": dialog(WORK),
    "qualification:queue-bulk-undo": verb(WORK),
    "qualification:queue-view-new": dialog(WORK),
    "qualification:queue-view-counts": page(WORK),
    "qualification:queue-view-change": dialog(WORK),
    "qualification:queue-view-delete": verb(WORK),
    "qualification:my-work": page(WORK),
    "qualification:lead-detail": page(SEE_LEADS),
    "qualification:lead-timeline": page(SEE_LEADS),
    "qualification:lead-past": page(SEE_LEADS),
    "qualification:lead-scores": page(SEE_LEADS),
    "qualification:lead-move": page(SEE_LEADS),
    "qualification:lead-changers": page(SEE_LEADS),
    "qualification:account-list": page(SEE_LEADS),
    "qualification:account-detail": page(SEE_LEADS),
    "qualification:account-timeline": page(SEE_LEADS),
    "qualification:account-weeks": page(SEE_LEADS),
    "qualification:account-target": verb(MANAGE),
    "qualification:account-parent": verb(MANAGE),
    "qualification:lead-clock": page(SEE_LEADS),
    "qualification:lead-presence": verb(SEE_LEADS),
    "qualification:lead-talk": page(SEE_LEADS),
    "qualification:lead-duplicates": page(SEE_LEADS),
    "qualification:lead-not-duplicate": verb(WORK),
    "qualification:lead-compare": page(WORK),
    "qualification:lead-merge": verb(WORK),
    "qualification:merge-undo": verb(WORK),
    "qualification:lead-claim": verb(WORK),
    "qualification:lead-release": verb(WORK),
    "qualification:lead-skip": dialog(WORK),
    "qualification:lead-heartbeat": verb(WORK),
    "qualification:lead-reassign": verb(MANAGE),
    "qualification:lead-touch": verb(WORK),
    "qualification:touch-undo": verb(WORK),
    "qualification:lead-snooze": dialog(WORK),
    "qualification:lead-pause": dialog(WORK),
    "qualification:lead-fact": dialog(WORK),
    "qualification:lead-resume": verb(WORK),
    "qualification:lead-ask": page(WORK),
    "qualification:lead-answer": verb(WORK),
    "qualification:lead-framework": verb(WORK),
    "qualification:lead-roles": verb(WORK),
    "qualification:lead-dispute": verb(WORK),
    "qualification:erasure-list": page(MANAGE),
    "qualification:lead-personal": page(MANAGE),
    "qualification:lead-export": verb(MANAGE),
    "qualification:lead-erasure-ask": verb(MANAGE),
    "qualification:lead-erasure-withdraw": verb(MANAGE),
    "qualification:lead-erase": dialog(frozenset({ADMIN})),
    "qualification:lead-accept": dialog(WORK),
    "qualification:lead-ask-manager": verb(WORK),
    "qualification:lead-reject": dialog(WORK),
    "qualification:lead-nurture": dialog(WORK),
    "qualification:decision-undo": verb(WORK),
    "qualification:nurture-list": page(WORK),
    "qualification:nurture-preview": page(WORK),
    "qualification:nurture-change": dialog(WORK),
    "qualification:nurture-take-back": verb(WORK),
    "qualification:cadence-start": verb(WORK),
    "qualification:cadence-stop": verb(WORK),
    "qualification:rejected-list": page(MANAGE),
    "qualification:turned-away-list": page(MANAGE),
    "qualification:lead-bring-back": dialog(MANAGE),
    "qualification:decision-detail": page(SEE_LEADS),
    "qualification:decision-overturn": dialog(MANAGE),
    "qualification:proposal-list": page(MANAGE),
    "qualification:proposal-refresh": verb(MANAGE),
    "qualification:proposal-approve": verb(MANAGE),
    "qualification:proposal-decline": dialog(MANAGE),
    "qualification:model-list": page(SEE_LEADS),
    "qualification:model-detail": page(SEE_LEADS),
    "qualification:model-simulate": verb(MANAGE),
    "qualification:model-simulation": page(MANAGE),
    "qualification:model-rescoring": page(MANAGE),
    "qualification:model-backtest": page(MANAGE),
    "qualification:model-start-shadow": verb(MANAGE),
    "qualification:model-withdraw": verb(MANAGE),
    "qualification:model-copy": verb(MANAGE),
    "qualification:model-publish": dialog(frozenset({ADMIN})),
    "qualification:model-rollback": dialog(frozenset({ADMIN})),
    "qualification:release-list": page(SEE_LEADS),
    "qualification:release-detail": page(SEE_LEADS),
    "qualification:release-acknowledge": verb(WORK),
    "qualification:handoff-list": page(DESK),
    "qualification:handoff-detail": page(DESK),
    "qualification:handoff-take": verb(DESK),
    "qualification:handoff-return": dialog(DESK),
    "qualification:handoff-move": dialog(MANAGE),
    "qualification:handoff-answer": dialog(MANAGE),
    "qualification:partner-handoff": page(None),
    "qualification:partner-answer": verb(None),
    "qualification:desk-list": page(MANAGE),
    "qualification:delivery-list": page(MANAGE),
    "qualification:delivery-again": verb(MANAGE),
    "qualification:delivery-all-again": verb(MANAGE),
    "qualification:outcome-list": dialog(MANAGE),
    "qualification:outcome-look-again": verb(MANAGE),
    "qualification:routing": page(MANAGE),
    "qualification:lead-routing": page(WORK),
    "qualification:notice-list": page(EVERYBODY),
    "qualification:notice-bell": page(EVERYBODY),
    "qualification:notice-read-all": verb(EVERYBODY),
    "qualification:notice-preferences": dialog(EVERYBODY),
    "qualification:notice-open": verb(EVERYBODY),
    "qualification:notice-read": verb(EVERYBODY),
    "qualification:sla-report": page(MANAGE),
    "qualification:sla-csv": page(MANAGE),
    "qualification:self-check": page(MANAGE),
    "qualification:self-check-run": verb(MANAGE),
    "qualification:alarms": page(MANAGE),
    "qualification:skip-report": page(MANAGE),
    "qualification:skip-csv": page(MANAGE),
    "qualification:practice": page(WORK),
    "qualification:practice-start": verb(WORK),
    "qualification:practice-round": page(WORK),
    "qualification:practice-case": page(WORK),
    "qualification:practice-judge": verb(WORK),
    "qualification:practice-reject": dialog(WORK),
    "qualification:source-list": page(SOURCES),
    "qualification:source-csv": page(SOURCES),
}
