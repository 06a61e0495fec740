"""PostgreSQL and Valkey from their wheels, where no DATABASE_URL / REDIS_URL names other servers.

Called by `manage.py`, `make run` and the tests' services plugin; production leaves it unused.
"""
