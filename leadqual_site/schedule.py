"""THE list of periodic jobs: `manage.py rqcron leadqual_site.schedule`.

Missed runs are not caught up and need not be: every job finds its work in PostgreSQL.
"""

from rq import cron

from qualification import jobs

# Not five: when one pass is killed in its midst, the next still writes within ten seconds.
cron.register(jobs.sweep, queue_name="default", interval=4)
# Reads many decisions: on the queue of long work, so that no clock waits for it.
cron.register(jobs.learn_tallies, queue_name="bulk", interval=3600)
cron.register(jobs.forget_old, queue_name="bulk", cron="47 2 * * *", job_timeout=3600)
cron.register(jobs.verify_chain, queue_name="bulk", cron="17 2 * * *", job_timeout=3600)
