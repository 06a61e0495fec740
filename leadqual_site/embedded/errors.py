"""What the embedded servers can fail with. Raised in this package; `manage.py` prints one line."""


class EmbeddedError(Exception):
    """An embedded server cannot be found, started or reached; the message says what to do."""
