"""Typed reading of the environment. Called by settings.py; an empty value counts as not set."""

import os
from pathlib import Path

from leadqual_site.embedded.places import Place, data_dir

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})
# Shows up in the driver's message when something connects without servers.
NOWHERE = "%2Fno-server-runs--use-manage.py-or-make-run-or-set-"


class InvalidEnvironment(Exception):
    """A variable has a value that cannot be read; the message names it."""


def string(name: str, default: str = "") -> str:
    """The variable as text without surrounding blanks."""
    return os.environ.get(name, "").strip() or default


def integer(name: str, *, default: int) -> int:
    """The variable as a whole number. InvalidEnvironment when it is none."""
    text = string(name)
    try:
        return int(text) if text else default
    except ValueError:
        raise InvalidEnvironment(f"{name} must be a whole number, not {text!r}") from None


def boolean(name: str, *, default: bool) -> bool:
    """The variable as yes or no. InvalidEnvironment when it is neither."""
    text = string(name).lower()
    if not text:
        return default
    if text in TRUE_WORDS | FALSE_WORDS:
        return text in TRUE_WORDS
    raise InvalidEnvironment(f"{name} must be 1 or 0, not {text!r}")


def listing(name: str, *, default: list[str]) -> list[str]:
    """The variable's parts between commas, without blanks and empty parts."""
    parts = [part.strip() for part in string(name).split(",")]
    return [part for part in parts if part] or list(default)


def secret(name: str, *, default: str = "") -> str:
    """The variable, or what the file named by `<name>_FILE` holds.

    InvalidEnvironment when both are set or the file cannot be read.
    """
    value, file_name = string(name), string(f"{name}_FILE")
    if value and file_name:
        raise InvalidEnvironment(f"set {name} or {name}_FILE, not both")
    if not file_name:
        return value or default
    try:
        return Path(file_name).read_text(encoding="utf-8").strip() or default
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidEnvironment(f"{name}_FILE cannot be read: {error}") from None


def database_url() -> str:
    """DATABASE_URL, else the embedded PostgreSQL's URL, else one that names what is missing."""
    return (
        secret("DATABASE_URL")
        or Place(data_dir(), "postgres").running_url()
        or f"postgresql://postgres@{NOWHERE}DATABASE_URL/none"
    )


def redis_url() -> str:
    """REDIS_URL, else the embedded Valkey's URL, else one that names what is missing."""
    return (
        secret("REDIS_URL")
        or Place(data_dir(), "valkey").running_url()
        or f"unix:///{NOWHERE.removeprefix('%2F')}REDIS_URL"
    )


def embedded_services() -> list[str]:
    """The servers that no variable names, which therefore run embedded."""
    named = {"postgres": secret("DATABASE_URL"), "valkey": secret("REDIS_URL")}
    return [service for service, url in named.items() if not url]
