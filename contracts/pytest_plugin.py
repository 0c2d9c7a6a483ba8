"""The pytest plugin of the suite: its options, and the fixtures that a project may override.

Nothing of the judge is imported before a test asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from contracts.settings import Settings

# name -> what it means; each is an option and a line of pytest's configuration
WORDS = {
    "url": "judge what answers at this base URL (contracts.suite)",
    "app": "judge a WSGI or ASGI application, or what a function makes: MODULE:NAME",
    "document": "OpenAPI document whose rules are judged; default: the one of the package",
    "allow": "what may be done to the target: write, send; repeatable",
    "recipient": "the only addresses that anything may be sent to; repeatable",
    "account": "a name of the account that is written to beyond this machine",
    "seed": "makes a run repeat",
}
LISTED = ("allow", "recipient")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("contracts", "contracts.suite (keys: CONTRACTS_API_KEY, …)")
    for name, means in WORDS.items():
        action = "append" if name in LISTED else "store"
        group.addoption(f"--contract-{name}", dest=f"contract_{name}", action=action, help=means)
        kind: Any = "linelist" if name in LISTED else "string"
        parser.addini(f"contract_{name}", means, type=kind)


def chosen(config: pytest.Config, name: str) -> Any:
    return config.getoption(f"contract_{name}") or config.getini(f"contract_{name}") or None


def document_path(config: pytest.Config) -> Path:
    from mock_server.spec import default_document_path

    written = chosen(config, "document")
    return config.rootpath / written if written else default_document_path()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each rule, in the document's order."""
    if "contract_rule" not in metafunc.fixturenames:
        return
    from mock_server.errors import MockServerError
    from mock_server.spec import load_document

    try:
        rules = list(load_document(document_path(metafunc.config)).rules)
    except MockServerError as error:
        raise pytest.UsageError(f"contracts: {error}") from None
    metafunc.parametrize("contract_rule", rules)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The first test waits for the whole run, which has its own bounds."""
    if config.pluginmanager.hasplugin("timeout"):
        for item in items:
            if "contract_report" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.timeout(0))


@pytest.fixture(scope="session")
def contract_url(pytestconfig: pytest.Config) -> str | None:
    """Base URL of the target; None where it is another kind of target."""
    url: str | None = chosen(pytestconfig, "url")
    return url


@pytest.fixture(scope="session")
def contract_app(pytestconfig: pytest.Config) -> Any:
    """A WSGI or ASGI application in this process, or its MODULE:NAME; None for none."""
    return chosen(pytestconfig, "app")


@pytest.fixture(scope="session")
def contract_key() -> str | None:
    """The key of the account that is judged."""
    return os.environ.get("CONTRACTS_API_KEY")


@pytest.fixture(scope="session")
def contract_other_key() -> str | None:
    """The key of another account of the same target, where there is one."""
    return os.environ.get("CONTRACTS_OTHER_API_KEY")


@pytest.fixture(scope="session")
def contract_settings(pytestconfig: pytest.Config) -> Settings:
    """Everything else that a run may be told; override it with `dataclasses.replace`."""
    from contracts.settings import Settings

    return Settings(
        document_path(pytestconfig),
        seed=int(chosen(pytestconfig, "seed") or 0),
        allow=frozenset(chosen(pytestconfig, "allow") or ()),
        recipients=tuple(chosen(pytestconfig, "recipient") or ()),
        account=chosen(pytestconfig, "account"),
    )


@pytest.fixture(scope="module")
def contract_report(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    contract_url: str | None,
    contract_app: Any,
    contract_key: str | None,
    contract_other_key: str | None,
    contract_settings: Settings,
) -> Mapping[str, Any]:
    """The report over the rules whose tests are selected in this module."""
    from contracts.errors import CouldNotRunError
    from contracts.suite.verdicts import judge_once

    if contract_url is not None and contract_app is not None:
        pytest.fail("contracts: found an address and an application; expected one", pytrace=False)
    named = contract_app if isinstance(contract_app, str) else type(contract_app).__name__
    settings = replace(
        selected(request, contract_settings),
        base_url=contract_url,
        app=None if contract_app is None else named,
    )
    keys = {"CONTRACTS_API_KEY": contract_key, "CONTRACTS_OTHER_API_KEY": contract_other_key}
    environment = {**os.environ, **{name: key or "" for name, key in keys.items()}}
    try:
        return judge_once(settings, contract_app, environment, shared(request, tmp_path_factory))
    except CouldNotRunError as error:
        pytest.fail(f"contracts: {error}", pytrace=False)


def selected(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """The settings with the rules of the tests that this module is to run, and no others."""
    own = False
    rules: dict[str, None] = {}
    for item in request.session.items:
        if item.getparent(pytest.Module) is not request.node:
            continue
        rule = getattr(getattr(item, "callspec", None), "params", {}).get("contract_rule")
        if rule is not None and settings.selection.has_rule(rule):
            rules[rule] = None
        elif rule is None and "contract_report" in getattr(item, "fixturenames", ()):
            own = True
    selection = replace(settings.selection, include_rules=tuple(rules) or ("",))
    return replace(settings, selection=selection, schemathesis=settings.schemathesis and own)


def shared(request: pytest.FixtureRequest, factory: pytest.TempPathFactory) -> Path | None:
    """Where the workers of pytest-xdist find one report; None where there are none."""
    if not hasattr(request.config, "workerinput"):
        return None
    name = sha256(request.node.nodeid.encode()).hexdigest()[:16]
    return factory.getbasetemp().parent / f"contracts-{name}.json"
