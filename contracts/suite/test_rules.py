"""One test for each rule of the document, and one for what Schemathesis finds by itself."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.suite.verdicts import told_rule, told_schemathesis


def test_rule(contract_rule: str, contract_report: dict[str, Any]) -> None:
    """Kept passes, broken fails; what the documentation leaves open is an expected failure."""
    rule = next(one for one in contract_report["rules"] if one["id"] == contract_rule)
    if rule["fails"]:
        pytest.fail(told_rule(rule), pytrace=False)
    if rule["verdict"] == "broken":
        pytest.xfail(told_rule(rule))
    if rule["verdict"] == "not-exercised":
        pytest.skip(str(rule["reason"]))


def test_schemathesis(contract_report: dict[str, Any]) -> None:
    """Findings of Schemathesis' own checks are differences: no rule says them."""
    if contract_report["schemathesis"]:
        pytest.xfail(told_schemathesis(contract_report))
