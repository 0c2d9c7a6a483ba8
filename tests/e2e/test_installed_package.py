"""Installed, not from a checkout: the document and its seed come with the package."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_serves_its_own_document(tmp_path: Path) -> None:
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "-w",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(build, check=True, timeout=200)
    (wheel,) = tmp_path.glob("*.whl")
    place = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(place)
    assert (place / "mock_server" / "data" / "openapi.yaml").is_file()
    for name in ("page.html", "page.css", "page.js"):
        assert (place / "contracts" / "report" / "page" / name).is_file()
    # The extracted wheel comes first on the path; only its dependencies come from this environment.
    code = (
        f"import sys; sys.path[:] = [{str(place)!r}, *(p for p in sys.path if 'site-packages' in p or 'lib' in p)];"
        "import mock_server; from mock_server.spec import default_document_path as d;"
        f"assert str(d()).startswith({str(place)!r}), d();"
        "sys.argv = ['mock-server', 'check']; from mock_server.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=100
    )
    assert "all as they should be" in done.stdout, done.stderr
