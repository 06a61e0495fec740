"""The doorbell: the only place that puts anything on Redis. Losing a ring loses nothing."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import transaction
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

logger = logging.getLogger(__name__)


def ring(job: str, *ids: int, queue: str = "default") -> None:
    """After the commit, asks a worker to run `qualification.jobs.<job>(*ids)`.

    Never raises: with Redis down the sweep finds the rows anyway.
    """
    transaction.on_commit(lambda: _ring_now(job, ids, queue), robust=True)


def _ring_now(job: str, ids: tuple[int, ...], queue: str) -> None:
    # Short time-outs and no retries: a web request must not wait for a bell.
    connection = Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=0.2,
        socket_timeout=0.5,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        Queue(queue, connection=connection, serializer=JSONSerializer).enqueue_call(
            f"qualification.jobs.{job}", args=ids, result_ttl=0, failure_ttl=86_400
        )
    except (RedisError, OSError) as error:
        logger.warning("bell.lost job=%s error=%s", job, type(error).__name__)
    finally:
        connection.close()
