"""The judge as a pytest suite: `pytest --pyargs contracts.suite`, or imported into a test module."""

from contracts.suite.test_rules import test_rule, test_schemathesis

__all__ = ["test_rule", "test_schemathesis"]
