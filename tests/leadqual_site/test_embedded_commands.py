"""`manage.py` has the servers running for a command, and only where the command may need them."""

import os
import subprocess
import sys

import pytest

from leadqual_site.embedded import binaries, locks
from leadqual_site.embedded.commands import needs_servers
from leadqual_site.embedded.errors import EmbeddedError
from leadqual_site.embedded.places import PROJECT_ROOT, Place
from leadqual_site.embedded.places import data_dir as configured_data_dir


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        ("", False),
        ("help", False),
        ("help migrate", False),
        ("version", False),
        ("--version", False),
        ("migrate --help", False),
        ("collectstatic --noinput", False),
        ("check", False),
        ("check --database default", True),
        ("migrate", True),
        ("makemigrations --check", True),
        ("import_leads leads.csv --mapping m.yaml", True),
        ("shell -c pass", True),
    ],
)
def test_it_knows_what_needs_servers(line, needed):
    assert needs_servers(line.split()) is needed


def test_the_folder_is_set_by_data_dir_and_lies_in_the_project_otherwise(monkeypatch, tmp_path):
    monkeypatch.delenv("DATA_DIR", raising=False)
    assert configured_data_dir() == PROJECT_ROOT / ".data"
    monkeypatch.setenv("DATA_DIR", "elsewhere")
    assert configured_data_dir() == PROJECT_ROOT / "elsewhere"
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert configured_data_dir() == tmp_path.resolve()


def manage(*words, **environment):
    return subprocess.run(
        [sys.executable, PROJECT_ROOT / "manage.py", *words],
        env=os.environ | environment,
        check=False,
        capture_output=True,
        text=True,
    )


def test_a_command_starts_the_servers_for_its_own_duration(data_dir):
    code = "from django.db import connection as c; c.connect(); print(c.settings_dict['HOST'])"
    done = manage("shell", "--no-imports", "-c", code)
    assert done.stdout.strip() == str(data_dir / "postgres" / "socket"), done.stderr
    assert not locks.is_held(Place(data_dir, "postgres").lock("server"))


def test_a_command_without_database_starts_nothing(data_dir):
    assert manage("version").returncode == 0
    assert not data_dir.exists()


def test_two_commands_at_once_share_the_servers(data_dir):
    code = "import sys; from crm.models import User; print('in', flush=True); sys.stdin.read()"
    first = subprocess.Popen(
        [sys.executable, PROJECT_ROOT / "manage.py", "shell", "--no-imports", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with first:
        assert first.stdout.readline() == "in\n"
        number = (data_dir / "postgres" / "data" / "postmaster.pid").read_text().split("\n")[0]
        code = "from django.db import connection as c; c.ensure_connection()"
        assert manage("shell", "--no-imports", "-c", code).returncode == 0
        assert (data_dir / "postgres" / "data" / "postmaster.pid").read_text().startswith(number)
    assert not locks.is_held(Place(data_dir, "postgres").lock("server"))


def test_with_named_servers_nothing_is_embedded(data_dir):
    manage(
        "shell",
        "--no-imports",
        "-c",
        "pass",
        DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
        REDIS_URL="redis://127.0.0.1:1/0",
    )
    assert not data_dir.exists()


def test_wrong_binaries_are_one_clear_line(data_dir, tmp_path):
    done = manage("migrate", POSTGRES_BIN=str(tmp_path))
    assert done.returncode == 1
    assert f"POSTGRES_BIN: there is no postgres in {tmp_path}" in done.stderr.splitlines()[0]
    assert "Traceback" not in done.stderr


def test_a_wrong_valkey_is_one_clear_line(monkeypatch, tmp_path):
    monkeypatch.setenv("VALKEY_BIN", str(tmp_path / "absent"))
    with pytest.raises(EmbeddedError, match=r"VALKEY_BIN: .*absent is not a program"):
        binaries.valkey_server()


def test_missing_wheels_name_the_way_out(monkeypatch, no_named_servers):
    monkeypatch.setattr(binaries, "_package_folder", lambda module: None)
    with pytest.raises(EmbeddedError, match=r"DATABASE_URL is not set and .*make install"):
        binaries.postgres_bin(None)
    with pytest.raises(EmbeddedError, match="REDIS_URL is not set"):
        binaries.valkey_server()


def test_a_folder_that_cannot_be_used_is_one_clear_line(monkeypatch, no_named_servers, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "file"))
    done = manage("migrate")
    assert done.returncode == 1
    assert done.stderr.startswith(f"DATA_DIR {tmp_path / 'file'} cannot be used")
    assert len(done.stderr.splitlines()) == 1
