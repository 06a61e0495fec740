"""URLs grouped by noun; one POST-only URL a verb."""

from django.urls import path

from qualification.views import (
    accounts,
    answers,
    bulk,
    buying,
    cadences,
    claims,
    decide,
    decisions,
    deliveries,
    desks,
    disputes,
    duplicates,
    facts,
    handoffs,
    home,
    intake,
    journey,
    lead,
    merging,
    models,
    notices,
    nurture,
    outcomes,
    partners,
    pauses,
    personal,
    practice,
    proposals,
    queue,
    rejected,
    releases,
    routing,
    saved_views,
    scores,
    self_check,
    shell,
    skip_report,
    skips,
    sla,
    sources,
    stages,
    talk,
    touches,
    turned_away,
    versions,
)

app_name = "qualification"

shell_urls = [
    path("", home.home, name="home"),
    path("theme/", shell.set_theme, name="theme"),
    path("keys/", shell.set_keys, name="keys"),
    path("hints/show/", shell.show_hints, name="hints-show"),
    path("hints/<slug:role>/hide/", shell.hide_hints, name="hints-hide"),
    path("healthz", shell.healthz, name="healthz"),
]

intake_urls = [
    path("intake/<slug:source>/<slug:credential>/", intake.receive, name="intake"),
    path(
        "intake/<slug:source>/<slug:credential>/outcomes/",
        outcomes.receive_outcomes,
        name="intake-outcomes",
    ),
]

queue_urls = [
    path("queue/", queue.queue, name="queue"),
    path("queue/next/", queue.queue_next, name="queue-next"),
    path("queue/pulse/", queue.queue_pulse, name="queue-pulse"),
    path("queue/bulk/claim/", bulk.bulk_claim, name="queue-bulk-claim"),
    path("queue/bulk/assign/", bulk.bulk_assign, name="queue-bulk-assign"),
    path("queue/bulk/release/", bulk.bulk_release, name="queue-bulk-release"),
    path("queue/bulk/<uuid:key>/undo/", bulk.bulk_undo, name="queue-bulk-undo"),
    path("queue/views/new/", saved_views.view_new, name="queue-view-new"),
    path("queue/views/counts/", saved_views.view_counts, name="queue-view-counts"),
    path("queue/views/<int:pk>/", saved_views.view_change, name="queue-view-change"),
    path("queue/views/<int:pk>/delete/", saved_views.view_delete, name="queue-view-delete"),
    path("my-work/", queue.my_work_page, name="my-work"),
]

lead_urls = [
    path("leads/<int:pk>/", lead.lead_detail, name="lead-detail"),
    path("leads/<int:pk>/timeline/", journey.lead_timeline, name="lead-timeline"),
    path("leads/<int:pk>/presence/", lead.lead_presence, name="lead-presence"),
    path("leads/<int:pk>/talk/", talk.lead_talk, name="lead-talk"),
    path("leads/<int:pk>/duplicates/", duplicates.lead_duplicates, name="lead-duplicates"),
    path("leads/<int:pk>/not-duplicate/", duplicates.not_duplicate, name="lead-not-duplicate"),
    path("leads/<int:pk>/compare/<int:other>/", merging.lead_compare, name="lead-compare"),
    path("leads/<int:pk>/merge/", merging.lead_merge, name="lead-merge"),
    path("merges/<int:pk>/undo/", merging.merge_undo, name="merge-undo"),
    path("leads/<int:pk>/clock/", lead.lead_clock, name="lead-clock"),
    path("leads/<int:pk>/past/", scores.lead_past, name="lead-past"),
    path("leads/<int:pk>/scores/", scores.lead_scores, name="lead-scores"),
    path("leads/<int:pk>/scores/<int:move>/", scores.lead_move, name="lead-move"),
    path("leads/<int:pk>/changers/", scores.lead_changers, name="lead-changers"),
    path("leads/<int:pk>/claim/", claims.claim, name="lead-claim"),
    path("leads/<int:pk>/release/", claims.release, name="lead-release"),
    path("leads/<int:pk>/skip/", skips.skip, name="lead-skip"),
    path("leads/<int:pk>/heartbeat/", claims.heartbeat, name="lead-heartbeat"),
    path("leads/<int:pk>/reassign/", claims.reassign, name="lead-reassign"),
    path("leads/<int:pk>/touch/", touches.touch, name="lead-touch"),
    path("touches/<int:pk>/undo/", touches.undo, name="touch-undo"),
    path("leads/<int:pk>/snooze/", touches.snooze, name="lead-snooze"),
    path("leads/<int:pk>/pause/", pauses.pause, name="lead-pause"),
    path("leads/<int:pk>/resume/", pauses.resume, name="lead-resume"),
    path("leads/<int:pk>/facts/<slug:key>/", facts.lead_fact, name="lead-fact"),
    path("leads/<int:pk>/ask/", answers.ask, name="lead-ask"),
    path("leads/<int:pk>/answer/", answers.answer, name="lead-answer"),
    path("leads/<int:pk>/framework/", answers.framework, name="lead-framework"),
    path("leads/<int:pk>/roles/", buying.roles, name="lead-roles"),
    path("leads/<int:pk>/dispute/", disputes.dispute, name="lead-dispute"),
    path("leads/<int:pk>/accept/", decide.accept, name="lead-accept"),
    path("leads/<int:pk>/ask-manager/", decide.ask_manager, name="lead-ask-manager"),
    path("leads/<int:pk>/reject/", decide.reject, name="lead-reject"),
    path("leads/<int:pk>/nurture/", nurture.nurture_dialog, name="lead-nurture"),
    path("leads/<int:pk>/nurture/preview/", nurture.nurture_preview, name="nurture-preview"),
    path("leads/<int:pk>/cadence/", cadences.cadence_start, name="cadence-start"),
    path("leads/<int:pk>/cadence/stop/", cadences.cadence_stop, name="cadence-stop"),
]

personal_urls = [
    path("erasures/", personal.erasure_list, name="erasure-list"),
    path("leads/<int:pk>/personal-data/", personal.lead_personal, name="lead-personal"),
    path("leads/<int:pk>/personal-data/export/", personal.lead_export, name="lead-export"),
    path("leads/<int:pk>/personal-data/ask/", personal.lead_erasure_ask, name="lead-erasure-ask"),
    path(
        "leads/<int:pk>/personal-data/withdraw/",
        personal.lead_erasure_withdraw,
        name="lead-erasure-withdraw",
    ),
    path("leads/<int:pk>/personal-data/erase/", personal.lead_erase, name="lead-erase"),
]

account_urls = [
    path("accounts/", accounts.account_list, name="account-list"),
    path("accounts/<int:pk>/", accounts.account_detail, name="account-detail"),
    path("accounts/<int:pk>/timeline/", journey.account_timeline, name="account-timeline"),
    path("accounts/<int:pk>/weeks/", accounts.account_weeks, name="account-weeks"),
    path("accounts/<int:pk>/target/", accounts.account_target, name="account-target"),
    path("accounts/<int:pk>/parent/", accounts.account_parent, name="account-parent"),
]

undo_urls = [
    path("decisions/<int:pk>/undo/", decide.undo, name="decision-undo"),
]

nurture_urls = [
    path("nurture/", nurture.nurture_list, name="nurture-list"),
    path("nurture/<int:pk>/", nurture.nurture_change, name="nurture-change"),
    path("nurture/<int:pk>/take-back/", nurture.nurture_take_back, name="nurture-take-back"),
]

decision_urls = [
    path("rejected/", rejected.rejected_list, name="rejected-list"),
    path("rejected/by-rules/", turned_away.turned_away_list, name="turned-away-list"),
    path("leads/<int:pk>/bring-back/", turned_away.lead_bring_back, name="lead-bring-back"),
    path("decisions/<int:pk>/", decisions.decision_detail, name="decision-detail"),
    path("decisions/<int:pk>/overturn/", decisions.decision_overturn, name="decision-overturn"),
]

proposal_urls = [
    path("proposals/", proposals.proposal_list, name="proposal-list"),
    path("proposals/refresh/", proposals.proposal_refresh, name="proposal-refresh"),
    path("proposals/<int:pk>/approve/", proposals.proposal_approve, name="proposal-approve"),
    path("proposals/<int:pk>/decline/", proposals.proposal_decline, name="proposal-decline"),
]

model_urls = [
    path("models/", versions.model_list, name="model-list"),
    path("models/rescoring/", versions.model_rescoring, name="model-rescoring"),
    path("models/<int:pk>/", versions.model_detail, name="model-detail"),
    path("models/<int:pk>/simulate/", versions.model_simulate, name="model-simulate"),
    path("models/<int:pk>/simulation/", versions.model_simulation, name="model-simulation"),
    path("models/<int:pk>/backtest/", models.model_backtest, name="model-backtest"),
    path("models/<int:pk>/shadow/", models.model_start_shadow, name="model-start-shadow"),
    path("models/<int:pk>/withdraw/", models.model_withdraw, name="model-withdraw"),
    path("models/<int:pk>/copy/", models.model_copy, name="model-copy"),
    path("models/<int:pk>/publish/", models.model_publish, name="model-publish"),
    path("models/<int:pk>/rollback/", models.model_rollback, name="model-rollback"),
]

release_urls = [
    path("releases/", releases.release_list, name="release-list"),
    path("releases/<int:pk>/", releases.release_detail, name="release-detail"),
    path("releases/<int:pk>/read/", releases.release_acknowledge, name="release-acknowledge"),
]

handoff_urls = [
    path("handoffs/", handoffs.handoff_list, name="handoff-list"),
    path("handoffs/<int:pk>/", handoffs.handoff_detail, name="handoff-detail"),
    path("handoffs/<int:pk>/take/", handoffs.handoff_take, name="handoff-take"),
    path("handoffs/<int:pk>/return/", handoffs.handoff_return, name="handoff-return"),
    path("handoffs/<int:pk>/move/", desks.handoff_move, name="handoff-move"),
    path("handoffs/<int:pk>/answer/", desks.handoff_answer, name="handoff-answer"),
    path("partner/<str:token>/", partners.partner_handoff, name="partner-handoff"),
    path("partner/<str:token>/answer/", partners.partner_answer, name="partner-answer"),
    path("desks/", desks.desk_list, name="desk-list"),
]

delivery_urls = [
    path("deliveries/", deliveries.delivery_list, name="delivery-list"),
    path("deliveries/again/", deliveries.delivery_all_again, name="delivery-all-again"),
    path("deliveries/<int:pk>/again/", deliveries.delivery_again, name="delivery-again"),
]

outcome_urls = [
    path("outcomes/", outcomes.outcome_list, name="outcome-list"),
    path("outcomes/<int:pk>/look/", outcomes.outcome_look_again, name="outcome-look-again"),
]

routing_urls = [
    path("routing/", routing.routing_page, name="routing"),
    path("leads/<int:pk>/routing/", routing.lead_routing, name="lead-routing"),
]

notice_urls = [
    path("notices/", notices.notice_list, name="notice-list"),
    path("notices/bell/", notices.notice_bell, name="notice-bell"),
    path("notices/read/", notices.notice_read_all, name="notice-read-all"),
    path("notices/preferences/", notices.notice_preferences, name="notice-preferences"),
    path("notices/<int:pk>/open/", notices.notice_open, name="notice-open"),
    path("notices/<int:pk>/read/", notices.notice_read, name="notice-read"),
]

sla_urls = [
    path("sla/", sla.sla_report, name="sla-report"),
    path("sla/sla.csv", sla.sla_csv, name="sla-csv"),
    path("stages/", stages.stage_list, name="stage-list"),
    path("self-check/", self_check.self_check_page, name="self-check"),
    path("self-check/run/", self_check.self_check_run, name="self-check-run"),
    path("alarms/", self_check.alarms, name="alarms"),
    path("skips/", skip_report.skip_report, name="skip-report"),
    path("skips/skips.csv", skip_report.skip_csv, name="skip-csv"),
]

practice_urls = [
    path("practice/", practice.practice_page, name="practice"),
    path("practice/start/", practice.practice_start, name="practice-start"),
    path("practice/<int:pk>/", practice.practice_round, name="practice-round"),
    path("practice/<int:pk>/<int:position>/", practice.practice_case, name="practice-case"),
    path("practice/<int:pk>/<int:position>/judge/", practice.practice_judge, name="practice-judge"),
    path(
        "practice/<int:pk>/<int:position>/reject/",
        practice.practice_reject,
        name="practice-reject",
    ),
]

source_urls = [
    path("sources/", sources.source_list, name="source-list"),
    path("sources/sources.csv", sources.source_csv, name="source-csv"),
]

urlpatterns = (
    intake_urls
    + shell_urls
    + queue_urls
    + lead_urls
    + personal_urls
    + account_urls
    + undo_urls
    + nurture_urls
    + decision_urls
    + proposal_urls
    + model_urls
    + release_urls
    + handoff_urls
    + delivery_urls
    + outcome_urls
    + routing_urls
    + notice_urls
    + sla_urls
    + practice_urls
    + source_urls
)
