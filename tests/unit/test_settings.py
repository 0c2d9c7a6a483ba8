"""Settings: three places, one table, and words for what cannot be."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from mock_server.errors import SettingsError
from mock_server.settings import SETTINGS, Settings, read_settings


def test_the_table_has_every_field_once() -> None:
    assert [setting.name for setting in SETTINGS if setting.name] == list(
        dict.fromkeys(setting.name for setting in SETTINGS)
    )
    assert {setting.name for setting in SETTINGS} == {one.name for one in fields(Settings)}


def test_the_command_line_wins_over_the_environment_over_the_project(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.mock_server]\nport = 1\nlog-level = "error"\nhost = "h"\nrules = {"a" = "off"}\n'
    )
    environment = {"MOCK_SERVER_PORT": "2", "MOCK_SERVER_LOG_LEVEL": "debug", "NO_COLOR": "1"}
    environment["MOCK_SERVER_RULES"] = "b=warn, a=warn"
    settings = read_settings(tmp_path, environment, {"port": 3})
    assert (settings.port, settings.log_level, settings.host) == (3, "debug", "h")
    assert settings.rules == {"a": "warn", "b": "warn"}
    assert settings.no_color


def test_a_server_inside_exec_ignores_what_it_is_told(tmp_path: Path) -> None:
    told = {"MOCK_SERVER_URL": "http://127.0.0.1:1/", "MOCK_SERVER_KEY": "k"}
    assert read_settings(tmp_path, told, {}) == Settings()


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("MOCK_SERVER_PROT", "1", 'did you mean "port"?'),
        ("MOCK_SERVER_PORT", "x", "expected a whole number"),
        ("MOCK_SERVER_PORT", "-1", "expected a port"),
        ("MOCK_SERVER_LOG_FORMAT", "xml", "expected one of text, json"),
        ("MOCK_SERVER_RULES", "a", "expected ID=POLICY"),
        ("MOCK_SERVER_RULES", "a=on", "expected one of enforce, warn, off"),
        ("MOCK_SERVER_CORS_ORIGIN", "localhost:3000", "expected an origin such as"),
        ("MOCK_SERVER_CORS_ORIGIN", "http://localhost:3000/", "expected an origin such as"),
        ("MOCK_SERVER_RATE_LIMIT", "60", "expected REQUESTS/SECONDS"),
        ("MOCK_SERVER_RATE_LIMIT", "60/0", "expected REQUESTS/SECONDS"),
        ("MOCK_SERVER_DELIVER_TO", "https://hooks.example/", "expected a host such as"),
    ],
)
def test_what_cannot_be_names_its_place(
    tmp_path: Path, variable: str, value: str, words: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings(tmp_path, {variable: value}, {})
    assert words in str(refused.value)
    assert "the environment" in str(refused.value)


def test_all_that_cannot_be_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.mock_server]\nprot = 5\n")
    environment = {"MOCK_SERVER_PORT": "abc", "MOCK_SERVER_RULES": "a,b=on,c=off"}
    with pytest.raises(SettingsError) as refused:
        read_settings(tmp_path, environment, {"random_seed": "x", "host": "h"})
    assert str(refused.value).startswith("5 settings cannot be used:\n  ")
    for words in ('"prot"', "port: found 'abc'", 'policy "a"', 'policy "on" for b', "random_seed"):
        assert words in str(refused.value)
    faults: list[str] = []
    settings = read_settings(tmp_path, environment, {"host": "h"}, faults=faults)
    assert (settings.host, settings.port, len(faults)) == ("h", 4010, 4)


def test_origins_and_hosts_are_lists(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.mock_server]\ndeliver-to = ["hooks.example"]\n')
    assert read_settings(tmp_path, {"MOCK_SERVER_RATE_LIMIT": "60/1.5"}, {}).rate_limit == (60, 1.5)
    environment = {"MOCK_SERVER_CORS_ORIGIN": "http://localhost:*, http://[::1]:3000,null"}
    settings = read_settings(tmp_path, environment, {"deliver_to": ["a.example:8443"]})
    assert settings.cors_origin == ("http://localhost:*", "http://[::1]:3000", "null")
    assert settings.deliver_to == ("a.example:8443",)
