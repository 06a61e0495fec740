import time
import sys
import pytest
from django.db import connection
from tests.qualification import queue_support as rows
from qualification.review import claims
from qualification.models import ReviewItem
NOW=rows.NOW

@pytest.mark.django_db(transaction=True)
def test_plan(team, settings):
    settings.LEADQUAL = {**settings.LEADQUAL, "CLAIM_LIMIT": 10_000}
    (p,) = rows.sdrs(1, team)
    t=time.time(); rows.many_waiting(1000, team); print("enter", time.time()-t)
    teams = claims.teams_in_sight(p)
    from django.test.utils import CaptureQueriesContext
    with CaptureQueriesContext(connection) as c:
        t=time.time(); claims.claim_next(by=p, now=NOW); print("one", time.time()-t)
    for q in c.captured_queries: print(q['time'], q['sql'][:150].replace("\n"," "))
    with connection.cursor() as cur:
        cur.execute("EXPLAIN (ANALYZE, BUFFERS) "+claims._next_sql(teams), claims._next_parameters(teams,p,NOW))
        print("\n".join(r[0] for r in cur.fetchall()))
    t=time.time()
    for _ in range(300): claims.claim_next(by=p, now=NOW)
    print("each ms", (time.time()-t)/300*1000)
    with connection.cursor() as cur:
        cur.execute("EXPLAIN (ANALYZE, BUFFERS) "+claims._next_sql(teams), claims._next_parameters(teams,p,NOW))
        print("\n".join(r[0] for r in cur.fetchall()))
        cur.execute("ANALYZE")
        cur.execute("EXPLAIN (ANALYZE, BUFFERS) "+claims._next_sql(teams), claims._next_parameters(teams,p,NOW))
        print("\n".join(r[0] for r in cur.fetchall()))
