"""Fills the product's own tables with the leads and events of the reference limit, server-side."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection

AS_OF = datetime(2026, 11, 22, 14, tzinfo=UTC)
LEADS_OF_ACCOUNT = 5
# One event in so many was a machine's.
MACHINE_EVERY = 100

_ACCOUNTS = """
    INSERT INTO crm_account (name, name_key, website, industry, employees, revenue, country, city,
        is_target, is_competitor, created_at, updated_at)
    SELECT 'Company ' || i, 'company ' || i, '',
        (ARRAY['Software','Finance','Retail','Health','Manufacturing','Education','Government','Media'])
            [1 + ((h >> 9) %% 8)],
        (ARRAY[3,15,40,120,350,900,2500,12000])[1 + ((h >> 12) %% 8)],
        ((h >> 4) %% 500000)::bigint * 1000, 'US', '', false, false, %(as_of)s, %(as_of)s
    FROM (SELECT i, abs(hashint8(i)::bigint) AS h FROM generate_series(1, %(accounts)s) AS i) AS g
"""
_LEADS = """
    INSERT INTO crm_lead (account_id, team_id, source_id, first_name, last_name, company_name,
        email, email_key, email_kind, phone, title, seniority, department, country, city, channel,
        campaign, topic, opted_out, attributes, stage, stage_at, disqualified_by, received_at,
        created_at, updated_at, version)
    SELECT (SELECT min(id) FROM crm_account) + i %% %(accounts)s, %(team)s, %(source)s,
        'First' || (i %% 5000), 'Last' || (i %% 7919), 'Company ' || (i %% %(accounts)s),
        'lead' || i || '@company.example', 'lead' || i || '@company.example',
        (ARRAY['corporate','free','education','disposable'])[1 + ((h >> 23) %% 4)], '',
        (ARRAY['VP Sales','CTO','Engineer','Founder','Analyst','Head of Marketing','Student',
            'Manager'])[1 + (h %% 8)],
        (ARRAY['c_level','vp','director','manager','ic','intern'])[1 + ((h >> 3) %% 6)],
        (ARRAY['sales','marketing','engineering','finance','hr','it'])[1 + ((h >> 6) %% 6)],
        (ARRAY['US','GB','DE','FR','IN','BR','NG','CA'])[1 + ((h >> 15) %% 8)],
        (ARRAY['Berlin','Paris','Austin','Pune'])[1 + ((h >> 18) %% 4)],
        (ARRAY['webinar','demo_request','content','event','cold_list','referral','ads','partner'])
            [1 + ((h >> 20) %% 8)],
        '', '', (h >> 5) %% 20 = 0,
        jsonb_build_object('budget', ((h >> 7) %% 100) * 1000, 'bounced', (h >> 8) %% 25 = 0,
            'technologies', (ARRAY['salesforce','hubspot','none','sap'])[1 + ((h >> 25) %% 4)]),
        'new', %(as_of)s, '', %(as_of)s - make_interval(secs => h %% 31536000), %(as_of)s,
        %(as_of)s, 1
    FROM (SELECT i, abs(hashint8(i)::bigint) AS h FROM generate_series(0, %(leads)s - 1) AS i) AS g
"""
_ACTIVITIES = """
    INSERT INTO crm_activity (lead_id, type, occurred_at, recorded_at, properties, source_id,
        event_key)
    SELECT lead_id, type, at, at, '{}', %(source)s, 'e' || e
    FROM (
        SELECT e, (SELECT min(id) FROM crm_lead) + abs(hashint8(e)::bigint) %% %(leads)s AS lead_id,
            (ARRAY['page_view','pricing_view','email_open','email_click','form_submit','webinar',
                'unsubscribe_click','demo_request'])[1 + abs(hashint8(e * 7 + 1)::bigint) %% 8]
                AS type,
            %(as_of)s::timestamptz
                - make_interval(secs => abs(hashint8(e * 13 + 5)::bigint) %% 15552000) AS at
        FROM generate_series(1, %(activities)s::bigint) AS e
    ) AS g
"""
_VERDICTS = """
    INSERT INTO crm_activityverdict (activity_id, is_machine, reason, recorded_at)
    SELECT id, true, 'scanner', recorded_at FROM crm_activity WHERE id %% %(machine_every)s = 0
"""


def fill(leads: int, activities: int, *, as_of: datetime = AS_OF) -> None:
    """Accounts, leads, activities and verdicts until `as_of`; triggers that write history are off
    meanwhile."""
    from crm.intake.upsert import fallback_team
    from crm.models import Source

    source = Source.objects.create(
        name="bench", kind="file", credential="bench", created_at=as_of, team=fallback_team()
    )
    parameters = {
        "as_of": as_of,
        "leads": leads,
        "activities": activities,
        "accounts": max(1, leads // LEADS_OF_ACCOUNT),
        "machine_every": MACHINE_EVERY,
        "team": fallback_team().pk,
        "source": source.pk,
    }
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for statement in (_ACCOUNTS, _LEADS, _ACTIVITIES, _VERDICTS):
            cursor.execute(statement, parameters)
        cursor.execute("RESET session_replication_role")
        cursor.execute("VACUUM (ANALYZE)")
