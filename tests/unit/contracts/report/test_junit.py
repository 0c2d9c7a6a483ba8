"""The JUnit report: what a CI system shows of it."""

from __future__ import annotations

from xml.etree import ElementTree

from contracts.report.junit import to_junit, write_junit
from tests.unit.contracts.report.hostile import hostile

RULES = ("sms.drafts-only", "sms.delete")


def test_each_rule_is_a_case_with_its_time_and_a_broken_one_fails(judged):
    report = judged("sent-modifiable", *RULES).report
    suite = to_junit(report)
    cases = {case.get("name"): case for case in suite}
    assert set(cases) == {rule["id"] for rule in report["rules"]}
    failed = {name for name, case in cases.items() if case.find("failure") is not None}
    assert failed == {rule["id"] for rule in report["rules"] if rule["fails"]}
    assert suite.get("failures") == str(len(failed))
    times = {name: float(case.get("time")) for name, case in cases.items()}
    assert all(times[name] > 0 for name in RULES)
    assert not any(times[name] for name, case in cases.items() if case.find("skipped") is not None)
    assert sum(times.values()) <= float(suite.get("time"))


def test_whatever_a_target_says_it_stays_xml(judged, tmp_path):
    path = tmp_path / "junit.xml"
    write_junit(hostile(judged("sent-modifiable", *RULES).report), path)
    assert ElementTree.parse(path).getroot().tag == "testsuites"
