"""What a seed file may not hold, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mock_server.errors import SeedError
from mock_server.spec import Document, default_document_path, load_document
from mock_server.state.seed import load_seed

SMS = "sms_activities: [{id: acti_1, %s}]"


@pytest.fixture(scope="module")
def document() -> Document:
    return load_document(default_document_path())


def faults(document: Document, path: Path, text: str) -> list[str]:
    path.write_text(text, encoding="utf-8")
    try:
        load_seed(path, document)
    except SeedError as error:
        return [
            f"{one.pointer}: {one.found}; {one.expected}" + (f"; {one.hint}" if one.hint else "")
            for one in error.faults
        ]
    return []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "#: nothing; a mapping of collections to lists of records; {} is an account"),
        ("[]", "#: []; a mapping of collections to lists of records"),
        ("lead: []", 'did you mean "leads"?'),
        ("leads: {}", "#/leads: {}; a list of records"),
        ("leads: [x]", '#/leads/0: "x"; a Lead as a mapping'),
        ("leads: [{nam: x}]", 'did you mean "name"?'),
        ("leads: [{name: 5}]", "#/leads/0/name: 5; text"),
        (SMS % "status: drafts", 'did you mean "draft"?'),
        (SMS % "status: draft, direction: inbond", 'did you mean "inbound"?'),
        (SMS % "status: draft, date_created: soon", "a date and time such as"),
        (SMS % "status: draft, lead_id: lead_x", '"lead_x", which names nothing'),
        (SMS % "status: scheduled", "nothing under date_scheduled"),
        (SMS % "status: scheduled, date_scheduled: null", "nothing under date_scheduled"),
        ("leads: [{id: lead_1}, {id: lead_1}]", 'the id "lead_1" again'),
    ],
)
def test_a_fault_of_a_seed_is_said_once(
    document: Document, tmp_path: Path, text: str, said: str
) -> None:
    found = faults(document, tmp_path / "seed.yaml", text)
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "leads: []",
        SMS % "status: sent",
        SMS % 'status: scheduled, date_scheduled: "2040-01-01T00:00:00Z"',
    ],
)
def test_what_fits_is_taken(document: Document, tmp_path: Path, text: str) -> None:
    assert faults(document, tmp_path / "seed.yaml", text) == []
