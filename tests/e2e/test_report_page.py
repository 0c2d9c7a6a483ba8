"""The HTML report in a real browser: for everybody, in every width, whatever a target says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from contracts.report.html import write_html
from tests.e2e.browser import violations
from tests.unit.contracts.report.hostile import hostile
from tests.unit.contracts.report.runs import judge_peer

SIZES = {"wide": (1280, 800), "phone": (360, 740)}


@pytest.fixture(scope="module")
def report() -> Any:
    return judge_peer("sent-modifiable", ("sms.drafts-only", "sms.delete")).report


def open_page(chrome: Chrome, path: Path, size: str, scheme: str = "light") -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    width, height = SIZES[size]
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    chrome.get("about:blank")
    chrome.get_log("browser")
    chrome.get(path.as_uri())


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_for_everybody_whatever_a_target_says(
    chrome: Chrome, report: Any, tmp_path: Path, size: str, scheme: str
) -> None:
    for name, shown in (("plain", report), ("hostile", hostile(report))):
        path = tmp_path / f"{name}.html"
        write_html(shown, path)
        open_page(chrome, path, size, scheme)
        chrome.execute_script("document.querySelectorAll('details').forEach((d) => d.open = true)")
        assert violations(chrome) == [], name
        assert chrome.get_log("browser") == [], name
        assert chrome.title == "Broken: Close SMS API"
        wide, inner = chrome.execute_script(
            "return [document.documentElement.scrollWidth, innerWidth]"
        )
        assert wide <= inner + 1, name
        loaded = "return performance.getEntriesByType('resource').length"
        assert chrome.execute_script(loaded) == 0, name


def test_rules_are_filtered_and_a_link_opens_its_finding(
    chrome: Chrome, report: Any, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    write_html(report, path)
    open_page(chrome, path, "wide")
    rows = chrome.find_elements(By.CSS_SELECTOR, ".rule")
    assert len(rows) == len(report["rules"])
    chrome.find_element(By.CSS_SELECTOR, "input[type=search]").send_keys("drafts-only")
    (row,) = [one for one in rows if one.is_displayed()]
    assert "broken" in row.text
    assert f"1 of {len(rows)} rules" in chrome.find_element(By.CSS_SELECTOR, "form").text
    details = chrome.find_element(By.CSS_SELECTOR, "article details")
    chrome.execute_script("arguments[0].open = false", details)
    row.find_element(By.TAG_NAME, "a").click()
    assert details.get_attribute("open") is not None
    chrome.find_element(By.CSS_SELECTOR, "input[value=broken]").click()
    assert not row.is_displayed()


def test_a_request_is_copied_as_curl(chrome: Chrome, report: Any, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_html(report, path)
    open_page(chrome, path, "wide")
    chrome.execute_script(
        "document.querySelectorAll('details').forEach((d) => d.open = true);"
        "document.addEventListener('copy', () => { window.copied = String(getSelection()); });"
        "Object.defineProperty(navigator, 'clipboard', {value: {writeText: async (text) => { window.copied = text; }}});"
    )
    button = next(
        one for one in chrome.find_elements(By.CSS_SELECTOR, ".copy") if one.is_displayed()
    )
    button.click()
    broken = next(rule for rule in report["rules"] if rule["fails"])
    copied = "return new Promise((done) => setTimeout(() => done(window.copied), 100))"
    assert chrome.execute_script(copied) == broken["findings"][0]["requests"][0]
