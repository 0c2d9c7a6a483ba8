"""The console in a real browser: what people do in it, with the eyes of axe on every panel."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.e2e.browser import violations
from tests.e2e.served import served

LOCKERS = Path(__file__).parents[1] / "documents" / "lockers.yaml"
SMS = "/api/v1/activity/sms/"
LEAD = "lead_0NowhereBakery00000000000000000000000000000"
ROOT = Path(__file__).parents[2]
IMAGES = ".github/images"
TALK = f"conversations/lead_id%3D{LEAD}"
DAUGHTERS = "conversations/lead_id%3Dlead_0DummyAndDaughters0000000000000000000000000"
FACTS = {"from": "+16505550120", "text": "Told from outside."}
SMALL, WIDE = (390, 780), (1280, 800)


class Page:
    """A browser at the console, and the stub behind it."""

    def __init__(self, chrome: Chrome, origin: str) -> None:
        self.chrome = chrome
        self.origin = origin

    def api(self, method: str, path: str, **more: Any) -> Any:
        return requests.request(
            method, self.origin + path, auth=("api_test_key", ""), timeout=10, **more
        )

    def open(self, place: str = "", size: tuple[int, int] = WIDE, scheme: str = "light") -> None:
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.chrome.get("about:blank")
        self.chrome.get_log("browser")
        self.chrome.get(f"{self.origin}/__mock/{place if place == 'docs' else f'#/{place}'}")
        self.wait(lambda: self.chrome.find_elements(By.CSS_SELECTOR, "main h1, main h2"))

    def wait(self, condition: Callable[[], Any], seconds: float = 15) -> Any:
        """The first value that is something; what is replaced meanwhile is looked at again."""
        end = time.monotonic() + seconds
        while True:
            try:
                found = condition()
            except (StaleElementReferenceException, WebDriverException):
                found = None
            if found:
                return found
            assert time.monotonic() < end, self.text()
            time.sleep(0.05)

    def text(self) -> str:
        return self.chrome.find_element(By.TAG_NAME, "body").text

    def sees(self, words: str) -> None:
        self.wait(lambda: words in self.text())

    def find(self, css: str, words: str = "") -> WebElement | None:
        for one in self.chrome.find_elements(By.CSS_SELECTOR, css):
            if words in one.text and one.is_displayed():
                return one
        return None

    def click(self, css: str, words: str = "") -> None:
        def clicked() -> bool:
            found = self.find(css, words)
            if found is None:
                return False
            found.click()
            return True

        self.wait(clicked)

    def type(self, css: str, words: str) -> None:
        found = self.wait(lambda: self.find(css))
        # By keys, for the driver's own clearing is no input to the page, which may fill the field again.
        found.send_keys(Keys.CONTROL + "a", Keys.NULL, words)

    def press(self, keys: str) -> None:
        """As on a keyboard: whatever has the focus by then gets them."""
        chain = ActionChains(self.chrome)
        held = keys[:1] if keys[:1] == Keys.CONTROL else ""
        if held:
            chain.key_down(held)
        chain.send_keys(keys.removeprefix(held))
        if held:
            chain.key_up(held)
        chain.perform()

    def act(self, way: str) -> None:
        """What is to become of what is written."""
        self.click(".compose .ways button", way)

    def errors(self) -> list[str]:
        return [row["message"] for row in self.chrome.get_log("browser") if row["level"] != "INFO"]

    def violations(self) -> list[str]:
        """What axe finds on the page."""
        return violations(self.chrome)


@pytest.fixture
def page(chrome: Chrome, origin: str) -> Page:
    one = Page(chrome, origin)
    assert one.api("POST", "/__mock/reset").status_code == 200
    for row in one.api("GET", "/__mock/snapshots").json():
        one.api("DELETE", f"/__mock/snapshots/{row['name']}")
    for row in one.api("GET", "/__mock/tenants").json():
        if not row["seeded"]:
            one.api("DELETE", f"/__mock/tenants/{row['name']}")
    chrome.get_log("browser")  # what a test before has left there
    return one


def fill(page: Page) -> None:
    """Something to see on every panel."""
    body = {"local_phone": "+16505550100", "lead_id": LEAD, "text": "Forty crates it is."}
    page.api("POST", SMS, json={**body, "status": "outbox", "send_in": 50})
    page.api("POST", SMS, json={"status": "schedulled", "send_in": 99})
    page.api("GET", f"{SMS}?_limit=2")
    page.api("POST", "/__mock/faults", json={"does": "latency", "between": [0, 0.01], "times": 1})
    page.api("POST", "/__mock/snapshots", json={})


PANELS = (
    *(
        TALK,
        "conversations/new",
        "requests",
        "rules",
        "rules/overview",
        "rules/sms.scheduled.needs-date",
    ),
    *("state", "state/sms_activities", "time", "faults", "tenants", "docs"),
)


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["wide", "small"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_panel_is_for_everybody(page: Page, size: tuple[int, int], scheme: str) -> None:
    fill(page)
    for place in PANELS:
        page.open(place, size, scheme)
        assert page.violations() == [], place
        assert page.errors() == [], place
        script = "return [document.documentElement.scrollWidth, innerWidth]"
        wide, inner = page.chrome.execute_script(script)
        assert wide <= inner + 1, place


def test_nothing_comes_from_elsewhere(page: Page) -> None:
    for place in ("requests", "docs"):
        page.open(place)
        script = "return performance.getEntriesByType('resource').map((one) => one.name)"
        names = page.chrome.execute_script(script)
        assert names
        assert [name for name in names if not name.startswith(page.origin)] == []


def test_an_sms_is_written_and_cancelled_in_time(page: Page) -> None:
    page.open(TALK)
    page.press("c")  # may come before the thread is there
    page.wait(lambda: page.chrome.switch_to.active_element.tag_name == "textarea")
    page.press("Shall I bring the rye?")
    page.press(Keys.CONTROL + Keys.ENTER)
    page.wait(lambda: page.find(".message.waiting", "Shall I bring the rye?"))
    page.wait(lambda: (one := page.find(".message.waiting")) and re.search(r"in \d+ s", one.text))
    page.click(".message.waiting button", "Undo")
    page.wait(lambda: page.find(".message.open", "Shall I bring the rye?"))
    (newest,) = page.api("GET", f"{SMS}?_limit=1").json()["data"]
    assert (newest["status"], newest["lead_id"]) == ("draft", LEAD)
    assert page.errors() == []


def test_requests_begin_anew_where_the_journal_does(page: Page) -> None:
    for _ in range(3):
        page.api("GET", "/api/v1/me/")
    page.open("requests")
    page.wait(lambda: len(page.chrome.find_elements(By.CSS_SELECTOR, ".side .item")) == 3)
    page.api("POST", "/__mock/reset")
    page.wait(lambda: not page.chrome.find_elements(By.CSS_SELECTOR, ".side .item"))
    page.api("GET", "/api/v1/lead/")
    page.wait(lambda: len(page.chrome.find_elements(By.CSS_SELECTOR, ".side .item")) == 1)


@pytest.mark.parametrize("place", ["state/%", "constructor", "rules/%E0%A4%A"])
def test_an_address_that_is_none_opens_what_is_near(page: Page, place: str) -> None:
    page.open(place)
    assert page.find("main") is not None
    assert [one for one in page.errors() if "Uncaught" in one] == []


# The answer that holds a thread comes when `release` is called.
LATE = """
    const ask = window.fetch, open = new Promise((done) => { window.release = done; });
    window.fetch = async (url, ...more) => { if (String(url).includes("/views/") && String(url).includes("%3D")) await open; return ask(url, ...more); };
    location.hash = arguments[0];
"""


def test_who_wants_to_write_before_the_thread_is_there_writes_in_it(page: Page) -> None:
    page.open("requests")
    page.chrome.execute_script(LATE, f"#/{TALK}")
    page.wait(lambda: page.find(".item[aria-current]", "Nowhere Bakery"))
    page.press("c")
    page.chrome.execute_script("release()")
    page.wait(lambda: page.chrome.switch_to.active_element.tag_name == "textarea")
    page.sees("4 messages")
    assert TALK in page.chrome.current_url


# The first answer that holds a thread is there at once, and shown to the page when `release` is called.
OVERTAKEN = """
    const ask = window.fetch, open = new Promise((done) => { window.release = done; });
    let first = true;
    window.fetch = async (url, ...more) => {
      const answer = await ask(url, ...more);
      if (first && String(url).includes("/views/") && String(url).includes("%3D")) { first = false; await open; }
      return answer;
    };
    location.hash = arguments[0];
"""


def test_an_answer_that_was_overtaken_is_not_shown(page: Page) -> None:
    page.open("requests")
    page.chrome.execute_script(OVERTAKEN, f"#/{TALK}")
    page.wait(lambda: page.find(".item[aria-current]", "Nowhere Bakery"))
    told(page, "Told meanwhile.")
    page.chrome.execute_async_script("release(); setTimeout(arguments[0], 300)")
    assert page.find(".message", "Told meanwhile.")


def test_time_sends_what_waits_and_the_provider_can_fail(page: Page) -> None:
    page.open(TALK)
    for words in ("This one is sent.", "This one fails."):
        page.type(".compose textarea", words)
        page.act("Send")
        page.wait(lambda words=words: page.find(".message.waiting", words))

    def fail() -> bool:  # found anew each time: a message that counts down is drawn again
        failing = page.find(".message.waiting", "This one fails.")
        if failing is None:
            return False
        failing.find_element(By.CSS_SELECTOR, "button.danger").click()
        return True

    page.wait(fail)
    page.wait(lambda: (one := page.find(".message", "This one fails.")) and "error" in one.text)
    page.api("POST", "/__mock/clock", json={"advance": 60})
    page.api("GET", SMS)  # anything that is heard
    page.open(TALK)
    page.wait(lambda: (one := page.find(".message", "This one is sent.")) and "sent" in one.text)


def test_what_is_attached_is_seen(page: Page) -> None:
    seen = {"content_type": "image/png", "filename": "crate.png", "url": "https://files.example/a"}
    read = {"content_type": "text/plain", "filename": "list.txt", "url": "https://files.example/b"}
    body = {"status": "draft", "lead_id": LEAD, "text": "See?", "attachments": [seen, read]}
    assert page.api("POST", SMS, json=body).status_code == 200
    page.open(TALK)
    page.wait(lambda: page.find(".message img"))
    (image,) = page.chrome.find_elements(By.CSS_SELECTOR, ".message img")
    assert image.get_attribute("alt") == "crate.png"
    assert int(image.get_attribute("naturalWidth") or 0) > 0
    page.sees("crate.png, list.txt")
    assert page.violations() == []
    assert page.errors() == []


def test_an_sms_is_received_and_one_is_scheduled(page: Page) -> None:
    page.open(TALK)
    page.type(".compose textarea", "Do you have rye?")
    page.act("Receive")
    page.wait(lambda: page.find(".message:not(.own)", "Do you have rye?"))
    task = page.api("GET", "/api/v1/task/?_type=incoming_sms").json()["data"][0]
    assert (task["text"], task["contact_name"]) == ("Do you have rye?", "Dora Dough")
    page.type(".compose textarea", "Happy new year")
    page.act("Schedule")
    moment = page.wait(lambda: page.find("input[type=datetime-local]"))
    script = (
        "arguments[0].value = '2035-01-01T09:00'; arguments[0].dispatchEvent(new Event('input'))"
    )
    page.chrome.execute_script(script, moment)
    page.act("Schedule")
    page.wait(lambda: page.find(".message.waiting", "Happy new year"))


def test_what_comes_in_shows_by_itself_in_the_thread_that_it_finds(page: Page) -> None:
    page.open(TALK)
    facts = {"from": "+16505550120", "text": "Told from outside."}
    assert page.api("POST", "/__mock/events/arrives", json=facts).status_code == 200
    page.wait(lambda: page.find(".message:not(.own)", "Told from outside."))
    page.click(".compose summary", "Fields")
    page.type("input[name=remote_phone]", "+16505550177")
    page.type(".compose textarea", "Who am I?")
    page.act("Receive")
    page.wait(lambda: page.find(".message:not(.own)", "Who am I?"))
    assert "remote_phone%3D%2B16505550177" in page.chrome.current_url
    page.open(DAUGHTERS)
    page.type(".compose textarea", "From nowhere")
    page.act("Receive")
    page.sees("remote_phone: This is needed.")
    assert page.chrome.switch_to.active_element.get_attribute("name") == "remote_phone"
    assert page.errors() == []


def told(page: Page, words: str) -> None:
    """Something comes in from outside, and the page has seen it."""
    facts = {**FACTS, "text": words}
    assert page.api("POST", "/__mock/events/arrives", json=facts).status_code == 200
    page.wait(lambda: page.find(".message", words))


def test_what_is_typed_outlives_what_comes_in(page: Page) -> None:
    page.open(TALK)
    page.type(".compose textarea", "abcdef")
    page.press(Keys.ARROW_LEFT * 3)
    told(page, "While one writes.")
    page.press("XX")
    area = page.find(".compose textarea")
    assert area is not None
    assert area.get_attribute("value") == "abcXXdef"
    page.click(".compose summary", "Fields")
    page.type("input[name=remote_phone]", "+1650")
    told(page, "While one types a number.")
    page.press("5550177")
    field = page.find("input[name=remote_phone]")
    assert field is not None
    assert field.get_attribute("value") == "+16505550177"
    assert "#/conversations/" in page.chrome.current_url
    # Another thread has words and fields of its own.
    page.click(".item", "Specimen Gardens")
    page.wait(lambda: page.find("h2", "Specimen Gardens"))
    area = page.find(".compose textarea")
    assert area is not None
    assert area.get_attribute("value") == ""
    assert page.find("input[name=remote_phone]") is None
    page.press("2")
    page.press("1")
    page.wait(lambda: page.find("h2", "Specimen Gardens"))
    page.click(".item", "Nowhere Bakery")
    page.wait(lambda: page.find("h2", "Nowhere Bakery"))
    script = "return document.querySelector('.compose textarea').value"
    assert page.chrome.execute_script(script) == "abcXXdef"
    assert page.errors() == []


def test_what_is_sent_is_sent_once_and_not_empty(page: Page) -> None:
    def count() -> int:
        return int(page.api("GET", "/__mock/requests/count").json()["count"])

    page.open(TALK)
    page.act("Send")
    page.sees("Nothing is written yet.")
    assert count() == 0
    page.type(".compose textarea", "Only once")
    button = page.find(".compose .ways button", "Send")
    page.chrome.execute_script("arguments[0].click(); arguments[0].click()", button)
    page.wait(lambda: page.find(".message.waiting", "Only once"))
    page.act("Send")
    page.sees("Nothing is written yet.")
    assert count() == 1


def test_a_state_asks_for_what_it_cannot_be_without(page: Page) -> None:
    page.open(TALK)
    page.click(".message.open button", "Schedule…")
    moment = page.wait(lambda: page.find("dialog input[type=datetime-local]"))
    script = "arguments[0].value = arguments[1]"
    page.chrome.execute_script(script, moment, "2035-01-01T09:00")
    page.click("dialog button.primary", "Make it scheduled")
    page.wait(lambda: page.find(".message.waiting", "standing order"))


def test_a_long_thread_is_read_in_peace(page: Page) -> None:
    row = {"lead_id": LEAD, "status": "sent", "direction": "outbound"}
    for number in range(120):
        moment = f"2001-01-01T00:{number // 60:02}:{number % 60:02}Z"
        record = {**row, "text": f"Line {number}", "date_sent": moment, "date_created": moment}
        page.api("POST", "/__mock/state/sms_activities?by=record", json=record)
    page.open(TALK)
    page.wait(lambda: page.find(".messages .message"))
    box = page.chrome.find_element(By.CSS_SELECTOR, ".messages")
    where = "const box = arguments[0]; return box.scrollHeight - box.scrollTop - box.clientHeight"
    page.wait(lambda: page.chrome.execute_script(where, box) < 2)
    page.chrome.execute_script("arguments[0].scrollTop = 0", box)
    top = "return document.querySelectorAll('.message')[arguments[0]].getBoundingClientRect().top"
    before = page.chrome.execute_script(top, 3)
    page.api("POST", "/__mock/events/arrives", json=FACTS)
    page.wait(lambda: "Told from outside." in box.text)
    assert abs(page.chrome.execute_script(top, 3) - before) < 2  # the reader has not moved
    page.click(".messages button.wide", "Earlier messages")
    page.wait(lambda: "Line 0" in box.text and page.find(".messages button.wide") is None)
    page.type(".side input[type=search]", "line 77")
    page.wait(lambda: len(page.chrome.find_elements(By.CSS_SELECTOR, ".side .item")) == 1)
    assert page.errors() == []


def test_a_conversation_begins_with_a_number_of_its_own(page: Page) -> None:
    page.open(TALK)
    page.click(".bar button", "New")
    page.wait(lambda: page.find("h2", "New conversation"))
    page.type(".compose textarea", "Hello, stranger")
    page.act("Send")
    page.sees("local_phone: This field is required.")
    page.sees("Why it was refused")
    page.type("input[name=local_phone]", "+16505550100")
    page.type("input[name=remote_phone]", "+16505550166")
    page.act("Send")
    page.wait(lambda: page.find(".message.waiting", "Hello, stranger"))
    assert "remote_phone%3D%2B16505550166" in page.chrome.current_url
    for kept in ("sms_activities", "leads", "contacts"):
        for row in page.api("GET", f"/__mock/state/{kept}").json()["records"]:
            page.api("DELETE", f"/__mock/state/{kept}/{row['id']}?by=record")
    page.open("conversations")
    page.sees("No conversation yet.")
    page.wait(lambda: page.find(".compose textarea"))


def test_what_breaks_a_rule_is_said_and_kept_to_be_mended(page: Page) -> None:
    page.open(DAUGHTERS)
    page.type(".compose textarea", "Hello")
    page.act("Send")
    page.sees("local_phone: This field is required.")
    page.wait(
        lambda: (one := page.find(".compose textarea")) and one.get_attribute("value") == "Hello"
    )
    page.type("input[name=local_phone]", "+16505550100")
    page.act("Send")
    page.wait(lambda: page.find(".message.waiting", "Hello"))


def test_requests_show_as_they_come_with_their_reasons(page: Page) -> None:
    page.open("requests")
    page.sees("No request yet.")
    page.api("POST", SMS, json={"status": "schedulled"})
    page.click(".item", "createSMS")
    page.sees("Why it was refused")
    page.sees("sms.status.values")
    page.sees("one of: inbox, draft, scheduled, outbox, sent")
    page.click("button", "Judge now")
    page.sees("The nearest request that passes")
    page.click("dialog button.primary", "Send it")
    page.wait(lambda: page.find(".item", "200"))
    page.click("button", "Make this a test")
    page.sees("def test_createsms")
    assert page.errors() == []


def test_requests_are_searched_and_sent_again(page: Page) -> None:
    for path in ("lead/", "contact/", "me/"):
        page.api("GET", f"/api/v1/{path}")
    page.open("requests")
    page.press("/")
    page.press("nowhere bakery")
    page.wait(lambda: len(page.chrome.find_elements(By.CSS_SELECTOR, ".item")) == 1)
    page.press(Keys.ESCAPE)
    page.click(".item", "listLeads")
    page.press("x")
    page.wait(lambda: page.api("GET", "/__mock/requests/count").json()["count"] == 4)


def test_a_request_is_sent_again_as_it_was(page: Page) -> None:
    page.api("POST", SMS, data="{half", headers={"Content-Type": "application/json"})
    page.open("requests")
    page.wait(lambda: page.find(".item", "createSMS"))
    page.press("x")
    page.wait(lambda: page.api("GET", "/__mock/requests/count").json()["count"] == 2)
    again, first = page.api("GET", "/__mock/requests").json()
    assert again["response"] == first["response"]
    assert again["request"] == "{half"


def test_lists_stay_where_one_is(page: Page) -> None:
    for path in ("lead/", "contact/"):
        page.api("GET", f"/api/v1/{path}")
    page.open("requests")
    page.press("/")
    page.press("listLeads")
    page.press(Keys.ESCAPE)
    box = page.find("input[type=search]")
    assert box is not None
    assert box.get_attribute("value") == "listLeads"
    box.send_keys(Keys.BACKSPACE * len("listLeads"))  # as people do; clear() tells the page nothing
    page.click(".item", "listLeads")
    page.wait(lambda: page.find(".item[aria-current]", "listLeads"))
    page.api("GET", "/api/v1/me/")
    page.wait(lambda: page.find(".item", "getMe"))
    assert "listLeads" in page.chrome.switch_to.active_element.text
    page.open("requests/99999999")
    page.sees("There is no request 99999999.")
    page.open("rules/sms.undo-window")
    page.wait(lambda: page.find(".item[aria-current]", "sms.undo-window"))
    script = (
        "const list = document.querySelector('.list').getBoundingClientRect(),"
        " item = document.querySelector('.item[aria-current]').getBoundingClientRect();"
        " return item.top >= list.top && item.bottom <= list.bottom + 1"
    )
    page.wait(lambda: page.chrome.execute_script(script))


def test_the_keyboard_is_enough(page: Page) -> None:
    for path in ("lead/", "contact/"):
        page.api("GET", f"/api/v1/{path}")
    page.open("requests")
    page.wait(lambda: page.find(".item[aria-current]", "listContacts"))
    page.press("j")
    page.wait(lambda: page.find(".item[aria-current]", "listLeads"))
    page.press("3")
    page.sees("Rules and what met them")
    page.press("?")
    page.wait(lambda: page.find("dialog", "Walk through a list"))
    page.press(Keys.ESCAPE)
    page.wait(lambda: page.find("dialog") is None)
    page.press("5")
    page.sees("Let time pass")


LATER = {"date_scheduled": "2035-01-01T00:00:00Z"}
OVERLAPS = """
    const boxes = [...document.querySelector("svg.machine").querySelectorAll(".count")].map((one) => one.getBoundingClientRect());
    const met = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => met(a, b))).length;
"""


def test_rules_count_live_and_the_machine_is_drawn(page: Page) -> None:
    page.open("rules/overview")
    page.wait(lambda: page.find("svg.machine"))
    assert page.find("svg.machine .count") is None
    body = {"status": "draft", "local_phone": "+16505550100"}
    name = page.api("POST", SMS, json=body).json()["id"]
    page.api("PUT", f"{SMS}{name}/", json={"status": "outbox"})
    page.wait(lambda: page.find("svg.machine .count", "1"))
    for made in ({"status": "outbox", "send_in": 50}, {"status": "scheduled", **LATER}):
        late = page.api("POST", SMS, json={**body, **made}).json()["id"]
        page.api("POST", "/__mock/events/fails", json={"id": late})
    page.wait(lambda: len(page.chrome.find_elements(By.CSS_SELECTOR, "svg.machine .count")) == 4)
    assert page.chrome.execute_script(OVERLAPS) == 0
    page.click(".item", "sms.draft.send")
    page.sees("Kept 1, broken 0")
    page.sees("Accepts")


DRAWN = """
    const drawn = document.querySelector("svg.machine"), room = drawn.parentNode;
    return [room.scrollWidth - room.clientWidth, drawn.querySelector("text").getBoundingClientRect().height];
"""


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["wide", "small"])
def test_every_state_is_in_sight_and_can_be_read(page: Page, size: tuple[int, int]) -> None:
    fill(page)
    page.api("POST", "/__mock/clock", json={"advance": 60})
    page.open("rules/overview", size)
    page.wait(lambda: page.find("svg.machine .count"))
    hidden, height = page.chrome.execute_script(DRAWN)
    assert hidden == 0
    assert height > 12
    assert page.chrome.execute_script(OVERLAPS) == 0


def test_the_link_of_an_explanation_shows_its_own_tenant(page: Page) -> None:
    refused = requests.post(page.origin + SMS, json={}, auth=("api_test_linked", ""), timeout=10)
    page.chrome.get(page.origin + refused.headers["Mock-Explanation"])
    page.sees("Why it was refused")
    assert page.chrome.execute_script("return location.search") == ""
    page.chrome.execute_script("sessionStorage.clear()")
    assert page.errors() == []


def test_what_nothing_came_of_and_what_came_along_is_shown(page: Page) -> None:
    body = {"status": "draft", "local_phone": "+16505550100", "txt": "Misspelt"}
    page.api("POST", SMS, json=body, headers={"Idempotency-Key": "seventy-seven"})
    page.open("requests")
    page.sees("ignored: txt")
    page.sees('no field of createSMS; did you mean "text"?')
    page.click("details summary", "Headers")
    page.sees("Idempotency-Key: seventy-seven")
    # It goes to nobody that is known; there it is all the same.
    page.open("conversations/%3D")
    page.wait(lambda: page.find(".message.open button", "Schedule"))
    assert page.errors() == []


def test_records_are_edited_by_the_same_rules(page: Page) -> None:
    page.open("state/sms_activities")
    page.click("td button", "acti_0FirstAnswer")
    area = page.wait(lambda: page.find("dialog textarea"))
    changed = area.get_attribute("value").replace("The van is there at seven.", "Changed.")
    page.chrome.execute_script("arguments[0].value = arguments[1]", area, changed)
    page.click("dialog button.primary", "Store")
    page.sees("sms.drafts-only")
    page.click("dialog option", "seeds")
    page.click("dialog button.primary", "Store")
    page.sees("Stored")
    # What is taken out of the text has no value any more.
    page.click("td button", "acti_0FirstAnswer")
    area = page.wait(lambda: page.find("dialog textarea"))
    value = json.loads(area.get_attribute("value"))
    del value["cost"]
    assert page.chrome.execute_script(
        "arguments[0].value = arguments[1]; return true", area, json.dumps(value)
    )
    page.click("dialog option", "seeds")
    page.click("dialog button.primary", "Store")
    page.wait(lambda: page.find("dialog") is None)
    (kept,) = page.api(
        "GET", f"{SMS}?id__in=acti_0FirstAnswer000000000000000000000000000000000"
    ).json()["data"]
    assert kept["cost"] is None
    found = page.api("GET", f"{SMS}?id__in=acti_0FirstAnswer000000000000000000000000000000000")
    assert "Changed." in found.json()["data"][0]["text"]
    page.click("button", "Take one")
    page.wait(lambda: page.find("#snapshots", "snapshot-1"))
    page.click("button", "Reset")
    page.click("button", "Really?")
    page.sees("As it was at first")
    page.click("#snapshots button", "Restore")
    page.sees("snapshot-1 is back")
    page.sees("Changed.")


def test_a_dialog_on_a_phone_is_as_wide_as_the_phone(page: Page) -> None:
    fill(page)
    fits = "const box = document.querySelector('dialog'); return box.scrollWidth - box.clientWidth"
    page.open("requests", SMALL)
    page.click(".item", "400")
    page.click("button", "Judge now")
    page.sees("The nearest request that passes")
    assert page.chrome.execute_script(fits) <= 0
    page.open("state/sms_activities", SMALL)
    page.click("td button", "acti_0FirstAnswer")
    page.wait(lambda: page.find("dialog textarea"))
    assert page.chrome.execute_script(fits) <= 0


def test_the_clock_is_moved(page: Page) -> None:
    page.open("time")
    page.click("button", "Freeze")
    page.sees("Frozen; it stands still")
    before = page.api("GET", "/__mock/clock").json()["now"]
    page.click("button", "+ 1 day")
    page.wait(lambda: page.api("GET", "/__mock/clock").json()["now"][:10] != before[:10])
    page.click("button", "Back to real time")
    page.sees("Real time.")


def test_faults_are_added_and_removed(page: Page) -> None:
    page.open("faults")
    page.click("option", "Another status")
    page.click("option", "listLeads")
    page.click("button.primary", "Add")
    page.sees('{"operation":"listLeads"}')
    assert page.api("GET", "/api/v1/lead/").status_code == 503
    page.sees("1 of 1 happened")
    page.click("button", "Remove all")
    page.sees("Nothing goes wrong on purpose.")
    assert page.api("GET", "/api/v1/lead/").status_code == 200


def test_a_tenant_is_opened_shown_and_dropped(page: Page) -> None:
    page.open("tenants")
    page.type("form input[type=text]", "api_test_console")
    page.click("form button.primary", "Open")
    card = page.wait(lambda: page.find("section.card", "api_test_console"))
    card.find_element(By.CSS_SELECTOR, "button").click()
    page.wait(
        lambda: page.chrome.execute_script("return sessionStorage.tenant") == "api_test_console"
    )
    try:
        page.open("requests")
        page.api("GET", "/api/v1/me/")  # of another tenant
        page.sees("No request yet.")
        page.open("tenants")
        page.click("section.card button.danger", "Drop")
        page.press(Keys.TAB)  # who turns to something else has not asked
        page.click("section.card button.danger", "Drop")
        page.click("section.card button.danger", "Really?")
        page.wait(lambda: page.find("section.card", "api_test_console") is None)
    finally:
        page.chrome.execute_script("sessionStorage.clear()")


def test_another_api_has_a_console_of_its_own(chrome: Chrome) -> None:
    with served(str(LOCKERS)) as origin:
        page = Page(chrome, origin)
        page.open("conversations")
        page.act("Announce")
        page.type(".compose input[name=to]", "Ada Example")
        page.act("Announce")
        page.sees("Ada")
        page.act("Hand in")
        page.wait(lambda: page.chrome.switch_to.active_element.get_attribute("name") == "to")
        page.type(".compose input[name=to]", "Ben Sample")
        page.act("Hand in")
        page.wait(lambda: page.find(".list", "Ben Sample"))
        page.open("rules/overview")
        page.wait(lambda: page.find("svg.machine"))
        assert page.errors() == []
        assert page.violations() == []


def test_a_token_is_asked_for_where_one_is_needed(chrome: Chrome) -> None:
    with served(MOCK_SERVER_CONTROL_TOKEN="a-token-of-length") as origin:
        page = Page(chrome, origin)
        chrome.get(f"{origin}/__mock/")
        page.type("dialog input[type=password]", "another-token")
        page.click("dialog button.primary", "Unlock")
        page.sees("This token is not the server's.")
        page.click("dialog button", "Close")
        page.click("main button", "Give the token")
        page.type("dialog input[type=password]", "a-token-of-length")
        page.click("dialog button.primary", "Unlock")
        page.wait(lambda: page.find(".nav a", "Requests"))
        chrome.execute_script("sessionStorage.clear()")


def test_both_documents_can_be_read(page: Page) -> None:
    page.open("docs")
    page.sees("createSMS")
    page.click("details summary", "Request")
    page.sees("local_phone")
    page.click("select option", "The control API")
    page.sees("Judge a request without performing it")
    page.chrome.refresh()
    page.sees("Judge a request without performing it")


GARDENS = "lead_0SpecimenGardens0000000000000000000000000000"
SHOWN = {
    "conversations": (f"conversations/lead_id%3D{GARDENS}", "light", ".message.waiting"),
    "requests": ("requests", "light", ".item"),
    "rules": ("rules/overview", "dark", "svg.machine .count"),
}


def test_the_readme_shows_the_console_as_it_is(chrome: Chrome, tmp_path: Path) -> None:
    """With MAKE_IMAGES=1 in the environment it makes the README's pictures anew."""
    folder = ROOT / IMAGES if os.environ.get("MAKE_IMAGES") else tmp_path
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    with served() as origin:
        page = Page(chrome, origin)
        talk = {"local_phone": "+442079460123", "remote_phone": "+442079460456", "lead_id": GARDENS}
        draft = {**talk, "status": "draft", "text": "Shall I come on Friday instead?"}
        made = page.api("POST", SMS, json=draft).json()
        moved = {"status": "outbox", "send_in": 50}
        assert page.api("PUT", f"{SMS}{made['id']}/", json=moved).status_code == 200
        refused = {"status": "scheduled", "local_phone": "+16505550103"}
        assert page.api("POST", SMS, json=refused).status_code == 400
        for name, (place, scheme, sign) in SHOWN.items():
            page.open(place, WIDE, scheme)
            page.wait(lambda sign=sign: page.find(sign))
            if name == "requests":
                page.click(".item", "400")
                page.sees("Why it was refused")
            assert page.chrome.save_screenshot(str(folder / f"{name}.png"))
            assert f"{IMAGES}/{name}.png" in readme
            assert (ROOT / IMAGES / f"{name}.png").is_file()
