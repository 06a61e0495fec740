"""The environment's values arrive typed, or one clear line says which cannot be read."""

import pytest

from leadqual_site import env


def test_it_reads_text_without_blanks_and_takes_empty_as_unset(monkeypatch):
    monkeypatch.setenv("X_NAME", "  value ")
    assert env.string("X_NAME", "other") == "value"
    monkeypatch.setenv("X_NAME", "  ")
    assert env.string("X_NAME", "other") == "other"


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", True), ("TRUE", True), ("on", True), ("0", False), ("No", False), ("", True)],
)
def test_it_reads_yes_and_no(monkeypatch, text, value):
    monkeypatch.setenv("X_FLAG", text)
    assert env.boolean("X_FLAG", default=True) is value


def test_it_refuses_what_is_neither_yes_nor_no(monkeypatch):
    monkeypatch.setenv("X_FLAG", "maybe")
    with pytest.raises(env.InvalidEnvironment, match="X_FLAG must be 1 or 0, not 'maybe'"):
        env.boolean("X_FLAG", default=True)


def test_it_reads_whole_numbers(monkeypatch):
    monkeypatch.setenv("X_COUNT", "12")
    assert env.integer("X_COUNT", default=3) == 12
    monkeypatch.delenv("X_COUNT")
    assert env.integer("X_COUNT", default=3) == 3
    monkeypatch.setenv("X_COUNT", "1.5")
    with pytest.raises(env.InvalidEnvironment, match="X_COUNT"):
        env.integer("X_COUNT", default=3)


def test_it_reads_lists(monkeypatch):
    monkeypatch.setenv("X_HOSTS", " a.example, ,b.example,")
    assert env.listing("X_HOSTS", default=["c"]) == ["a.example", "b.example"]
    monkeypatch.setenv("X_HOSTS", "")
    assert env.listing("X_HOSTS", default=["c"]) == ["c"]


def test_it_reads_a_secret_from_a_file(monkeypatch, tmp_path):
    file = tmp_path / "key"
    file.write_text("hidden\n")
    monkeypatch.setenv("X_KEY_FILE", str(file))
    assert env.secret("X_KEY") == "hidden"


def test_it_refuses_a_secret_given_twice_or_in_a_missing_file(monkeypatch, tmp_path):
    monkeypatch.setenv("X_KEY_FILE", str(tmp_path / "absent"))
    with pytest.raises(env.InvalidEnvironment, match="X_KEY_FILE cannot be read"):
        env.secret("X_KEY")
    monkeypatch.setenv("X_KEY", "open")
    with pytest.raises(env.InvalidEnvironment, match="not both"):
        env.secret("X_KEY")


def test_it_prefers_the_servers_that_are_named(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/leads")
    monkeypatch.setenv("REDIS_URL", "redis://bell.example/3")
    assert env.database_url() == "postgresql://db.example/leads"
    assert env.redis_url() == "redis://bell.example/3"
    assert env.embedded_services() == []
    monkeypatch.delenv("REDIS_URL")
    assert env.embedded_services() == ["valkey"]


def test_it_names_what_is_missing_when_no_server_runs(data_dir):
    assert "or-set-DATABASE_URL" in env.database_url()
    assert "or-set-REDIS_URL" in env.redis_url()
    assert not data_dir.exists()
