"""The plugin as a user has it: installed, nothing configured, in pytest runs of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import requests

from tests.e2e.served import served

DOCUMENTS = Path(__file__).parents[1] / "documents"


def pytest_run(
    folder: Path, code: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(textwrap.dedent(code))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    told = {**os.environ, **(environment or {})}
    told.pop("PYTEST_ADDOPTS", None)  # meant for the run that this is a part of
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder, timeout=120, env=told
    )


def test_every_test_has_a_world_of_its_own_on_every_worker(tmp_path: Path) -> None:
    code = """
        import pytest

        @pytest.mark.parametrize("number", range(40))
        def test_alone(mock_server, mock_state, number):
            assert mock_state.collections["sms_activities"] == 8
            assert mock_server.client.post("activity/sms/", json={"status": "draft"}).ok
            assert mock_state.collections["sms_activities"] == 9
    """
    done = pytest_run(tmp_path, code, "-n", "2")
    assert "40 passed" in done.stdout, done.stdout


def test_one_state_in_process_and_on_a_socket(tmp_path: Path) -> None:
    code = """
        import requests

        def test_both(mock_server, mock_state, mock_clock):
            mock_clock.freeze("2030-01-01T00:00:00Z")
            mock_state.add("leads", name="Both Ltd")
            auth = (mock_server.key, "")
            served = requests.get(mock_server.url + "lead/", auth=auth, timeout=5).json()
            inside = mock_server.client.get("lead/").json()
            assert served == inside
            assert served["data"][0]["date_created"].startswith("2030-01-01")
    """
    done = pytest_run(tmp_path, code)
    assert "1 passed" in done.stdout, done.stdout


def test_a_failed_test_shows_what_it_was_refused_for(tmp_path: Path) -> None:
    code = """
        def test_fails(mock_server):
            assert mock_server.client.post("activity/sms/", json={"status": "scheduled"}).ok
    """
    done = pytest_run(tmp_path, code)
    assert "refused by sms.scheduled.needs-date" in done.stdout


def test_settings_come_from_marks_options_ini_and_project(tmp_path: Path) -> None:
    lockers, seed = DOCUMENTS / "lockers.yaml", DOCUMENTS / "lockers.seed.yaml"
    code = f"""
        import pytest

        def test_project(mock_server):
            refused = mock_server.client.post("activity/sms/", json={{}})
            names = refused.headers["Mock-Warned-Rules"].split(", ")
            assert "sms.status.required" in names

        @pytest.mark.mock_server(document="{lockers}", seed=["{seed}"], rules={{}})
        def test_mark(mock_state):
            assert "lockers" in mock_state.collections
    """
    (tmp_path / "pyproject.toml").write_text(
        '[tool.mock_server]\\nrules = {"sms.status.required" = "off"}\\n'.replace("\\n", "\n")
        + "[tool.pytest]\n"
    )
    option = ["--mock-server-rule", "sms.status.required=warn"]
    done = pytest_run(tmp_path, code, *option, "-k", "project")
    assert "1 passed" in done.stdout, done.stdout
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest]\nmock_server_rules = ["sms.status.required=warn"]\n'
    )
    done = pytest_run(tmp_path, code, "-k", "project")
    assert "1 passed" in done.stdout, done.stdout
    (tmp_path / "pyproject.toml").unlink()
    done = pytest_run(tmp_path, code, "-k", "mark")
    assert "1 passed" in done.stdout, done.stdout


def test_a_mark_that_cannot_be_is_told_in_a_line(tmp_path: Path) -> None:
    code = """
        import pytest

        @pytest.mark.mock_server(rules={"nope.x": "off"})
        def test_rule(mock_server):
            pass

        @pytest.mark.mock_server(document="nope.yaml")
        def test_document(mock_server):
            pass

        @pytest.mark.mock_server(seed=3)
        def test_seed(mock_server):
            pass
    """
    done = pytest_run(tmp_path, code, "-p", "no:randomly")
    assert "3 errors" in done.stdout
    mark = "@pytest.mark.mock_server("
    assert (
        f"{mark}rules={{'nope.x': 'off'}}): rules: the policy \"nope.x=off\" names no"
        in done.stdout
    )
    assert f"{mark}document='nope.yaml'): document {tmp_path}/nope.yaml has" in done.stdout
    assert f"{mark}seed=3): seed: found 3; expected" in done.stdout
    assert "Traceback" not in done.stdout
    assert len(done.stdout.splitlines()) < 20

    wrong = 'import pytest\n\n@pytest.mark.mock_server("x", foo=3)\ndef test_it(mock_server): ...\n'
    done = pytest_run(tmp_path, wrong)
    assert done.returncode == 4
    expected = "test_it.py::test_it: @pytest.mark.mock_server: found 'x', foo=; expected document="
    assert expected in done.stderr


def test_a_server_in_the_environment_is_taken_unless_another_is_named(tmp_path: Path) -> None:
    code = """
        def test_it(mock_server):
            assert mock_server.origin == "http://127.0.0.1:1"
    """
    nowhere = "http://127.0.0.1:1: no answer"
    ini = '[tool.pytest]\nmock_server_url = "http://127.0.0.1:2"\n'
    (tmp_path / "pyproject.toml").write_text(ini)
    done = pytest_run(tmp_path, code, environment={"MOCK_SERVER_ORIGIN": "http://127.0.0.1:1"})
    assert nowhere in done.stdout
    assert "Traceback" not in done.stdout
    done = pytest_run(tmp_path, code, "--mock-server-url=http://127.0.0.1:1")
    assert nowhere in done.stdout


def test_a_server_that_runs_elsewhere_gives_every_test_an_account(tmp_path: Path) -> None:
    code = """
        import pytest

        @pytest.mark.parametrize("number", range(10))
        def test_alone(mock_server, mock_state, mock_clock, number):
            mock_clock.freeze("2030-01-01T00:00:00Z")
            assert mock_state.collections["sms_activities"] == 8
            assert mock_server.client.post("activity/sms/", json={"status": "draft"}).ok
            assert mock_state.collections["sms_activities"] == 9
            assert mock_server.origin == ORIGIN

        def test_fails(mock_server):
            assert mock_server.client.post("activity/sms/", json={"status": "scheduled"}).ok
    """
    with served() as origin:
        code = code.replace("ORIGIN", repr(origin))
        done = pytest_run(tmp_path, code, "-n", "2", f"--mock-server-url={origin}")
        assert "10 passed" in done.stdout, done.stdout
        assert "1 failed" in done.stdout
        assert "refused by sms.scheduled.needs-date" in done.stdout
        left = requests.get(f"{origin}/__mock/tenants", timeout=9).json()
        assert [one["seeded"] for one in left] == [True]


def test_an_overlay_is_laid_over_the_document(tmp_path: Path) -> None:
    (tmp_path / "over.yaml").write_text(
        'overlay: 1.0.0\ninfo: {title: x, version: "1"}\nactions:\n'
        "- {target: $.info, update: {title: Overlaid}}\n"
    )
    code = """
        def test_title(mock_server):
            assert mock_server.client.get("/__mock/document").json()["info"]["title"] == "Overlaid"
    """
    done = pytest_run(tmp_path, code, "--mock-server-overlay", "over.yaml")
    assert "1 passed" in done.stdout, done.stdout


def test_nothing_is_imported_before_a_test_asks(tmp_path: Path) -> None:
    code = """
        import sys

        def test_light():
            assert "mock_server.pytest_plugin" in sys.modules
            assert not {"mock_server.spec", "mock_server.http", "granian"} & sys.modules.keys()
    """
    done = pytest_run(tmp_path, code)
    assert "1 passed" in done.stdout, done.stdout


def test_the_readmes_test_passes(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(def test_.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    done = pytest_run(tmp_path, code)
    assert "1 passed" in done.stdout, done.stdout
