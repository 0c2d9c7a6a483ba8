"""A real browser, and axe in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.resources import files

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

SWITCHES = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync --lang=en-US"
)


def program(*names: str) -> str | None:
    return next((found for name in names if (found := shutil.which(name))), None)


def start_chrome() -> Iterator[Chrome]:
    """A headless Chromium; at home its absence skips, in CI it fails."""
    binary = program("chromium", "chromium-browser", "google-chrome")
    driver = program("chromedriver")
    if binary is None or driver is None:
        if "CI" in os.environ:
            pytest.fail("CI needs chromium and chromedriver")
        pytest.skip("no chromium with its chromedriver")
    options = ChromeOptions()
    options.binary_location = binary
    for switch in SWITCHES.split():
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = Chrome(options=options, service=Service(driver))
    browser.set_script_timeout(90)
    yield browser
    browser.quit()


def violations(chrome: Chrome) -> list[str]:
    """What axe finds on the page."""
    axe = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    chrome.execute_script(axe)
    found = chrome.execute_async_script(
        "const done = arguments[0]; axe.run().then((r) => done(r.violations.map((v) =>"
        " v.id + ': ' + v.nodes.map((n) => n.target.join(' ')).join(', '))))"
    )
    return list(found)
