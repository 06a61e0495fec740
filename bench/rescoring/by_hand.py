"""The limit: the rules of `rules.yaml` as a person who knows them and the tables writes them."""

from __future__ import annotations

# Scores of all leads as of %(as_of)s, in integer tenths.
SCORES = """
    SELECT id, fit, intent, total,
        (ARRAY['A1','A2','A3','A4','B1','B2','B3','B4','C1','C2','C3','C4','D1','D2','D3','D4'])
            [1 + step] AS grade,
        (ARRAY['hot','hot','warm','cool','hot','warm','warm','cool','warm','warm','cool','cold',
            'cool','cool','cold','cold'])[1 + step] AS tier
    FROM (
        SELECT id, fit, intent, greatest(0, least(1000, fit + intent)) AS total,
            4 * CASE WHEN fit >= 400 THEN 0 WHEN fit >= 250 THEN 1 WHEN fit >= 100 THEN 2 ELSE 3 END
            + CASE WHEN intent >= 450 THEN 0 WHEN intent >= 300 THEN 1 WHEN intent >= 150 THEN 2
                ELSE 3 END AS step
        FROM (
            SELECT l.id,
                CASE l.seniority_folded WHEN 'c_level' THEN 120 WHEN 'vp' THEN 90
                    WHEN 'director' THEN 90 ELSE 0 END
                + CASE WHEN l.seniority_folded = 'intern' OR l.title_folded = 'student' THEN -150
                    ELSE 0 END
                + CASE WHEN l.department_folded IN ('sales', 'marketing') THEN 60 ELSE 0 END
                + CASE WHEN c.industry_folded IN ('software', 'finance', 'media') THEN 80
                    WHEN c.industry_folded IN ('government', 'education') THEN -50 ELSE 0 END
                + CASE WHEN c.employees BETWEEN 50 AND 999 THEN 100
                    WHEN c.employees >= 1000 THEN 60 ELSE 0 END
                + CASE WHEN c.revenue >= 100000000 THEN 50 ELSE 0 END
                + CASE WHEN l.country_folded IN ('us', 'gb', 'de', 'ca') THEN 50 ELSE 0 END
                + CASE WHEN l.channel_folded IN ('demo_request', 'referral') THEN 150
                    WHEN l.channel_folded = 'cold_list' THEN -80 ELSE 0 END
                + CASE WHEN l.email_kind IN ('free', 'disposable') THEN -100 ELSE 0 END
                + CASE WHEN strpos(l.title_folded, 'sales') > 0
                    AND (l.attributes_folded -> 'budget')::int >= 20000 THEN 70 ELSE 0 END
                + CASE WHEN l.opted_out OR (l.attributes_folded -> 'bounced')::boolean THEN -250
                    ELSE 0 END AS fit,
                coalesce(e.intent, 0) AS intent
            FROM crm_lead AS l LEFT JOIN crm_account AS c ON c.id = l.account_id
            LEFT JOIN (
                SELECT lead_id,
                    CASE WHEN n0 >= 3 THEN 50 ELSE 0 END + CASE WHEN n1 >= 1 THEN 100 ELSE 0 END
                    + CASE WHEN n2 >= 2 THEN 40 ELSE 0 END + CASE WHEN n3 >= 1 THEN 60 ELSE 0 END
                    + CASE WHEN n4 >= 1 THEN 120 ELSE 0 END + CASE WHEN n5 >= 1 THEN 80 ELSE 0 END
                    + CASE WHEN n6 >= 1 THEN -120 ELSE 0 END + CASE WHEN n7 >= 1 THEN 200 ELSE 0 END
                    + CASE WHEN last_at <= %(as_of)s - interval '60 days' THEN -60 ELSE 0 END
                    + least(200, least(200, floor(10 * coalesce(d1, 0) + 0.5)::int)
                        + least(200, floor(20 * coalesce(d2, 0) + 0.5)::int)
                        + least(200, floor(40 * coalesce(d4, 0) + 0.5)::int)
                        + least(200, floor(50 * coalesce(d5, 0) + 0.5)::int)
                        + least(200, floor(80 * coalesce(d8, 0) + 0.5)::int)) AS intent
                FROM (
                    SELECT lead_id, max(occurred_at) AS last_at,
                        count(*) FILTER (WHERE type = 'page_view' AND is_recent) AS n0,
                        count(*) FILTER (WHERE type = 'pricing_view' AND is_recent) AS n1,
                        count(*) FILTER (WHERE type = 'email_open' AND is_recent) AS n2,
                        count(*) FILTER (WHERE type = 'email_click' AND is_recent) AS n3,
                        count(*) FILTER (WHERE type = 'form_submit' AND is_recent) AS n4,
                        count(*) FILTER (WHERE type = 'webinar' AND is_recent) AS n5,
                        count(*) FILTER (WHERE type = 'unsubscribe_click' AND is_recent) AS n6,
                        count(*) FILTER (WHERE type = 'demo_request' AND is_recent) AS n7,
                        sum(decay) FILTER (WHERE type = 'page_view' AND is_recent) AS d1,
                        sum(decay) FILTER (WHERE type = 'email_click' AND is_recent) AS d2,
                        sum(decay) FILTER (WHERE type IN ('pricing_view', 'webinar') AND is_recent)
                            AS d4,
                        sum(decay) FILTER (WHERE type = 'form_submit' AND is_recent) AS d5,
                        sum(decay) FILTER (WHERE type = 'demo_request' AND is_recent) AS d8
                    FROM (
                        SELECT lead_id, type, occurred_at,
                            occurred_at > %(as_of)s - interval '90 days' AS is_recent,
                            exp(2.674178937345468e-07
                                * date_part('epoch', occurred_at - %(as_of)s::timestamptz)) AS decay
                        FROM crm_activity AS a
                        WHERE occurred_at <= %(as_of)s AND recorded_at <= %(as_of)s
                          AND NOT EXISTS (
                            SELECT FROM crm_activityverdict AS v
                            WHERE v.activity_id = a.id AND v.is_machine
                              AND v.recorded_at <= %(as_of)s
                              AND NOT EXISTS (
                                SELECT FROM crm_activityverdict AS w
                                WHERE w.activity_id = v.activity_id AND w.recorded_at <= %(as_of)s
                                  AND (w.recorded_at, w.id) > (v.recorded_at, v.id)))
                    ) AS b GROUP BY lead_id
                ) AS s
            ) AS e ON e.lead_id = l.id
        ) AS f
    ) AS g
"""
SELECT = f"SELECT count(*), sum(total), sum(fit), sum(intent) FROM ({SCORES}) AS s"
UPDATE = f"""
    UPDATE qualification_leadscore AS s
    SET model_id = %(model)s, as_of = %(as_of)s, fit_tenths = f.fit, intent_tenths = f.intent,
        total_tenths = f.total, grade = f.grade, tier = f.tier, disqualified = ''
    FROM ({SCORES}) AS f WHERE f.id = s.lead_id
"""
MISMATCHES = f"""
    SELECT count(*) FROM ({SCORES}) AS f FULL JOIN qualification_leadscore AS s ON s.lead_id = f.id
    WHERE (f.fit, f.intent, f.total, f.grade, f.tier, '')
        IS DISTINCT FROM (s.fit_tenths, s.intent_tenths, s.total_tenths, s.grade, s.tier,
            s.disqualified)
"""
