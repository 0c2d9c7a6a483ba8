"""What a suite ever met, told by the stub's control API; all of its keys count."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from contracts.target.clock import CONTROL
from contracts.target.system import StubTransport, WsgiApp
from contracts.target.wire import basic


@dataclass(slots=True)
class Met:
    """Counts by rule, by transition and by operation."""

    kept: Counter[str] = field(default_factory=Counter)
    broke: Counter[str] = field(default_factory=Counter)
    transitions: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)

    def word(self, rule_id: str) -> str:
        """How a rule was met: kept, broken, both, or never."""
        words = [w for w, c in (("kept", self.kept), ("broken", self.broke)) if c[rule_id]]
        return "both" if len(words) == 2 else (words or ["never"])[0]


def read_coverage(app: WsgiApp, gone: Met | None = None) -> Met:
    """The sums over all tenants that the stub has, and over those that are gone."""
    met = gone or Met()
    add_all(met, app)
    return met


def add_all(met: Met, app: WsgiApp, only: str | None = None) -> None:
    """Adds what each tenant has met, or the one of a name."""
    transport = StubTransport(app)
    tenants = transport.send("GET", f"{CONTROL}/tenants", {}, None).body
    for tenant in tenants if isinstance(tenants, list) else []:
        if only is None or tenant["name"] == only:
            headers = {"Authorization": basic(tenant["keys"][0])}
            found = transport.send("GET", f"{CONTROL}/coverage", headers, None).body
            add(met, found if isinstance(found, dict) else {})


def add(met: Met, found: dict[str, Any]) -> None:
    for row in found.get("rules", []):
        met.kept[row["id"]] += row["kept"]
        met.broke[row["id"]] += row["broke"] + row["warned"]
    for row in found.get("transitions", []):
        met.transitions[row["resource"], row["from"], row["to"]] += row["count"]
    for row in found.get("operations", []):
        met.operations[row["id"]] += row["passed"] + row["refused"]
