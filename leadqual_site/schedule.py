"""THE list of periodic jobs: `manage.py rqcron leadqual_site.schedule`.

Missed runs are not caught up and need not be: every job finds its work in PostgreSQL.
"""

from rq import cron

from qualification import jobs

cron.register(jobs.sweep, queue_name="default", interval=5)
# Reads many decisions: on the queue of long work, so that no clock waits for it.
cron.register(jobs.learn_tallies, queue_name="bulk", interval=3600)
