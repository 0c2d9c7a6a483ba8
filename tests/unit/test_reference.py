"""The reference tables are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.reference import HEADERS, PAGES, ROOT, cell


@pytest.mark.parametrize("path", list(PAGES), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_tables_are_current(path: Path) -> None:
    written = "\n".join(PAGES[path]()).rstrip() + "\n"
    assert path.read_text(encoding="utf-8") == written, "python -m tests.reference"


def test_every_header_of_ours_is_told() -> None:
    known = {name for name, _, _ in HEADERS}
    for path in (ROOT / "mock_server").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"\bMock-[A-Z][A-Za-z-]+", text)) <= known, path


def test_a_cell_stays_in_its_column() -> None:
    assert cell("a | b\n c") == "a \\| b c"


def test_the_readme_leads_to_them() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in PAGES:
        assert f"({path.relative_to(ROOT)})" in readme
