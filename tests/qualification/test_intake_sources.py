"""`add_source`: a way in, its secret shown once."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from crm.models import Source


def add(*args: str) -> list[str]:
    out = io.StringIO()
    call_command("add_source", *args, stdout=out)
    return out.getvalue().splitlines()


def test_it_makes_a_secret_and_prints_the_path_last(db: None) -> None:
    lines = add("json", "--name", "website")
    source = Source.objects.get()
    assert lines[-1] == f"path=/intake/website/{source.credential}/"
    assert lines[0].startswith(f"secret={source.secret} ")
    assert len(source.secret) >= 32


def test_it_takes_a_given_secret_and_does_not_print_it(db: None) -> None:
    lines = add("json", "--name", "website", "--secret", "of my own")
    assert Source.objects.get().secret == "of my own"
    assert len(lines) == 1
    assert lines[0].startswith("path=/intake/website/")


def test_it_makes_a_form_without_a_secret(db: None) -> None:
    assert add("form", "--name", "contact")[-1].startswith("path=/intake/contact/")
    assert Source.objects.get().secret == ""


@pytest.mark.parametrize(
    "args",
    [
        ("json", "--name", "website"),
        ("json", "--name", "a b"),
        ("json", "--name", ""),
        ("form", "--name", "contact", "--secret", "x"),
        ("json", "--name", "other", "--secret", "x" * 201),
    ],
)
def test_it_refuses_with_one_line(db: None, args: tuple[str, ...]) -> None:
    add("json", "--name", "website")
    with pytest.raises(CommandError) as refused:
        add(*args)
    assert refused.value.returncode == 2
    assert "\n" not in str(refused.value)
    assert Source.objects.count() == 1
