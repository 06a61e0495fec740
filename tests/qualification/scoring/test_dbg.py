from random import Random
import pytest
from tests.oracles.random_scoring import *
from tests.oracles.scoring_oracle import Oracle
from qualification.scoring.compile import compile_model, leads_now
from qualification.scoring.ledger import ledgers
from tests.qualification.scoring.conftest import *
@pytest.mark.django_db
def test_x(load_model, store_facts, now):
    random = Random(7)
    many=[random_facts(random, now) for _ in range(60)]
    ids=store_facts(many)
    raw=document(rule({'activity': 'email_click', 'where': {'path': ['/plans', 5]}}, -3.5))
    found=ledgers(compile_model(load_model(raw)), leads_now(ids, as_of=now), now)
    for f,i in zip(many,ids):
        e=Oracle(raw).score(f,now)
        if e['total']!=found[i].total_tenths:
            print(e, found[i].total_tenths); [print(a) for a in f['activities'] if a['type']=='email_click']
            from django.db import connection
            c=connection.cursor(); c.execute("select a.id,a.properties,v.* from crm_activity a left join crm_activityverdict v on v.activity_id=a.id where lead_id=%s and type='email_click'",[i]); print(c.fetchall())
            print(compile_model(load_model(raw)).totals(leads_now([i],as_of=now)))
            break
    assert 0
