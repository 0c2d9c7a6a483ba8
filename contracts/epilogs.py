"""Examples below the help of each command; each is a command line that is understood."""

from __future__ import annotations

EXAMPLES = {
    "contracts": (
        "contracts run",
        "contracts run --app shop.web:create_app",
        "contracts run --base-url http://127.0.0.1:8000/ --report html",
    ),
    "run": (
        "contracts run --include-rule 'auth.*' --seed 7",
        "contracts run --app shop.web:create_app --report json,html",
        "contracts run --base-url https://api.example/ --dry-run",
        "contracts run --base-url https://api.example/ --allow write --account 'My test account'",
        "contracts run --baseline accepted.json --baseline-update",
    ),
    "replay": (
        "contracts replay contracts-report/contracts.json",
        "contracts replay contracts-report/contracts.json --rule 'auth.*'",
    ),
    "cleanup": ("contracts cleanup --dry-run", "contracts cleanup"),
    "audit": ("contracts audit", "contracts audit --sample 50 --include-rule 'auth.*'"),
    "blindspots": ("contracts blindspots -- pytest tests",),
    "drift": (
        "contracts drift --base-url http://127.0.0.1:8000/",
        "contracts drift --app shop.web:create_app --sequences 50",
    ),
}
SHORT = {
    "run": "Give a verdict for every rule.",
    "replay": "Send the failing sequences of a report again.",
    "cleanup": "Delete what a killed run has left behind.",
    "audit": "Plant defects in the stub; tell which are caught.",
    "blindspots": "Tell where a client's own tests see nothing.",
    "drift": "List where stub and endpoint answer differently.",
}


def epilog(command: str) -> str:
    """The examples as click shows them, each on its line."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in EXAMPLES[command])))
