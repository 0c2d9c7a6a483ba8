"""Larger accounts: invented, the same by their seed, and seeds without a fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mock_server.cli import mock_server
from mock_server.errors import SettingsError
from mock_server.functions.phone import country
from mock_server.http.app import create_app
from mock_server.spec import Document
from mock_server.state.invention import SURNAMES
from mock_server.state.seed import load_seed

LOCKERS = Path(__file__).parents[2] / "documents" / "lockers.yaml"


def write(path: Path, *args: str) -> dict[str, Any]:
    done = CliRunner().invoke(mock_server, ["seed", *args, "-o", str(path)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_a_seed_holds_so_many_and_loads_without_a_fault(tmp_path: Path, document: Document) -> None:
    path = tmp_path / "big.json"
    made = write(path, "--leads", "20", "--sms=300", "--random-seed", "7")
    assert (len(made["leads"]), len(made["contacts"])) == (4 + 20, 5 + 20)
    assert len(made["sms_activities"]) == 8 + 300
    app = create_app(document, seeds=[load_seed(path, document)])
    answer = app.test_client().get("/api/v1/activity/sms/?_limit=5", auth=("api_test_key", ""))
    assert (answer.status_code, len(answer.get_json()["data"])) == (200, 5)
    found = app.test_client().get("/api/v1/lead/?_limit=1", auth=("api_test_key", ""))
    assert found.get_json()["total_results"] == 24


def test_a_seed_repeats(tmp_path: Path) -> None:
    sizes = ("--leads", "3", "--sms", "30", "--random-seed")
    first = write(tmp_path / "1.json", *sizes, "7")
    assert write(tmp_path / "2.json", *sizes, "7") == first
    assert write(tmp_path / "3.json", *sizes, "8") != first


def test_people_and_numbers_are_nobodys(tmp_path: Path) -> None:
    made = write(tmp_path / "a.json", "--leads", "40", "--sms", "40", "--random-seed", "1")
    for contact in made["contacts"][5:]:
        assert contact["name"].split()[-1] in SURNAMES
        number = contact["phones"][0]["phone"]
        assert (number[5:10], country(number)) == ("55501", "US")
        assert contact["emails"][0]["email"].endswith(".example")
    contacts = {contact["id"]: contact for contact in made["contacts"]}
    internal = {n["number"] for n in made["phone_numbers"] if n["type"] == "internal"}
    for sms in made["sms_activities"][8:]:
        contact = contacts[sms["contact_id"]]
        assert sms["lead_id"] == contact["lead_id"]
        assert sms["remote_phone"] == contact["phones"][0]["phone"]
        assert sms["local_phone"] in internal
        assert sms["direction"] == ("inbound" if sms["status"] == "inbox" else "outbound")
    dates = [sms["date_created"] for sms in made["sms_activities"][8:]]
    assert dates == sorted(dates)


def test_another_document_has_options_of_its_own(tmp_path: Path, lockers: Document) -> None:
    path = tmp_path / "parcels.json"
    made = write(path, "--document", str(LOCKERS), "--parcels", "12")
    assert len(made["notices"]) >= 12
    assert {parcel.get("locker") for parcel in made["parcels"][-12:]} == {"A1"}
    load_seed(path, lockers)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--leeds", "3"], 'did you mean "leads"?'),
        (["--leads", "many"], 'found "many"; expected how many'),
        (["--leads"], "expected how many"),
        (["leads", "3"], "expected one of --"),
        (["--webhooks", "3"], "nothing says how webhooks are made up"),
    ],
)
def test_what_cannot_be_is_said_in_words(args: list[str], words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        CliRunner().invoke(mock_server, ["seed", *args], catch_exceptions=False)
    assert words in str(refused.value)
