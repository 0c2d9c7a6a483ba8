"""The JUnit report: one test case for each rule; a broken inferred rule is no failure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from contracts.report.table import states_rules, word_of
from contracts.report.visible import shorten

Json = Mapping[str, Any]
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
LONGEST = 4000  # characters of one request: readers keep the whole file in memory


def to_junit(report: Json) -> ElementTree.Element:
    rules = report["rules"]
    suite = ElementTree.Element(
        "testsuite",
        name="contracts",
        tests=str(len(rules)),
        failures=str(sum(rule["fails"] for rule in rules)),
        errors="0",
        skipped=str(sum(rule["verdict"] == "not-exercised" for rule in rules)),
        time=f"{report['seconds']:.3f}",
        timestamp=report["started"].removesuffix("Z"),
    )
    for rule in rules:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname="contracts",
            name=rule["id"],
            time=f"{rule.get('seconds', 0):.3f}",
        )
        fill(case, rule)
    if not states_rules(report):
        fill_alone(suite, report["schemathesis"])
    return suite


def fill_alone(suite: ElementTree.Element, found: Any) -> None:
    """What Schemathesis found where no rule is stated, each finding as a case that fails."""
    for row in found:
        name = f"{row['check']}: {row['operation']}"
        case = ElementTree.SubElement(
            suite, "testcase", classname="schemathesis", name=text(name), time="0"
        )
        failure = ElementTree.SubElement(
            case, "failure", message=text(row["title"]), type=row["check"]
        )
        failure.text = text(
            f"{shorten(row['request'], LONGEST)}\n  {row['status']}\n{row['message']}"
        )
    if not found:
        ElementTree.SubElement(
            suite, "testcase", classname="schemathesis", name="all checks", time="0"
        )
    suite.set("tests", str(max(1, len(found))))
    suite.set("failures", str(len(found)))


def fill(case: ElementTree.Element, rule: Json) -> None:
    found = [*rule["findings"], *rule["differences"]]
    if word_of(rule) == "broken":
        failure = ElementTree.SubElement(case, "failure", message=text(rule["says"]), type="broken")
        failure.text = text("\n\n".join(story_of(one) for one in rule["findings"]))
    elif rule["verdict"] == "not-exercised":
        ElementTree.SubElement(case, "skipped", message=text(rule["reason"] or ""))
    elif found:
        out = ElementTree.SubElement(case, "system-out")
        out.text = text(f"{word_of(rule)}: {story_of(found[0])}")


def story_of(shown: Json) -> str:
    """A finding as text."""
    lines = [str(shown["case"])]
    for curl, status in zip(shown["requests"], shown["statuses"], strict=True):
        lines += [shorten(curl, LONGEST), f"  {status}"]
    return "\n".join([*lines, f"expected: {shown['expected']}", f"came: {shown['came']}"])


def text(value: str) -> str:
    """Without the characters that XML cannot hold."""
    return CONTROLS.sub("\ufffd", value)


def write_junit(report: Json, path: Path) -> None:
    root = ElementTree.Element("testsuites")
    root.append(to_junit(report))
    ElementTree.indent(root)
    path.write_bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
