"""Options of the commands: command line over environment over `[tool.contracts]` in pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from contracts.errors import CouldNotRunError
from contracts.settings import Selection, Settings
from mock_server.spec import default_document_path
from mock_server.spec.pointers import nearest

Command = Callable[..., Any]
PREFIX = "CONTRACTS_"
PARTS = ("rule", "operation-id", "path", "tag")


def option(name: str, *more: str, **words: Any) -> Callable[[Command], Command]:
    """An option that the environment can set too."""
    bare = name.split("/")[0].removeprefix("--").replace("-", "_")
    return click.option(name, *more, envvar=f"{PREFIX}{bare.upper()}", show_envvar=False, **words)


TARGET = (
    option(
        "--document",
        type=click.Path(path_type=Path),
        help="The document; default: the one that comes with the package.",
    ),
    option(
        "--base-url",
        metavar="URL",
        help="Judge what answers there; default: the stub, in this process.",
    ),
    option("--seed", type=int, default=0, show_default=True, help="Makes a run repeat."),
)
APP = (
    option(
        "--app",
        metavar="MODULE:NAME",
        help="Judge a WSGI or ASGI application of your own, or what a function makes, in this process.",
    ),
)
RATE = option(
    "--rate", type=click.FloatRange(0.01), metavar="N", help="At most N requests a second."
)
LEDGER = option(
    "--ledger",
    type=click.Path(path_type=Path),
    help="Where what is created is written down first; default: a file in .contracts/.",
)
NETWORK = (
    option("--proxy", metavar="URL", help="Go through a proxy; those of the machine are not used."),
    option(
        "--ca-bundle",
        type=click.Path(exists=True),
        metavar="PATH",
        help="Certificates to trust instead of the usual ones.",
    ),
)
SAFETY = (
    option(
        "--allow",
        type=click.Choice(["write", "send"]),
        multiple=True,
        help="What may be done to the target: write records, send messages (repeatable).",
    ),
    option(
        "--recipient",
        "recipient",
        multiple=True,
        metavar="NUMBER",
        help="The only addresses that anything may be sent to (repeatable).",
    ),
    option(
        "--account",
        metavar="NAME",
        help="A name of the account that is written to beyond this machine, instead of typing it.",
    ),
    option(
        "--max-requests",
        type=click.IntRange(1),
        help="Stop after so many requests; deleting what was created comes on top.",
    ),
    option(
        "--max-seconds",
        type=click.FloatRange(1),
        help="Stop after so many seconds; deleting what was created comes on top.",
    ),
    RATE,
    LEDGER,
    *NETWORK,
)
CLEANUP = (
    option(
        "--base-url",
        metavar="URL",
        help="Where the records are, said once more: needed where that is not this machine.",
    ),
    LEDGER,
    RATE,
    *NETWORK,
)
DRY_RUN = (click.option("--dry-run", is_flag=True, help="Print what it would do, and do nothing."),)
SEARCH = (
    option(
        "--examples",
        type=click.IntRange(1, 10_000),
        default=8,
        show_default=True,
        help="Generated requests for each rule and direction.",
    ),
    option(
        "--fuzz-examples",
        type=click.IntRange(1, 100_000),
        default=4,
        show_default=True,
        help="Generated requests of Schemathesis for each operation.",
    ),
    option(
        "--max-wait",
        type=click.FloatRange(0),
        default=20.0,
        show_default=True,
        help="Seconds that may be waited for what time does, where the target's clock cannot be moved.",
    ),
    option(
        "--grace",
        type=click.FloatRange(0),
        default=3.0,
        show_default=True,
        help="Seconds by which lists and timed changes may lag.",
    ),
    option(
        "--thorough/--no-thorough",
        default=None,
        show_default="off, unless rules are chosen",
        help="Try inferred rules, which fail no run, as much as documented ones.",
    ),
    option(
        "--schemathesis/--no-schemathesis",
        default=None,
        show_default="on, unless rules are chosen",
        help="Run Schemathesis' own phases and checks first.",
    ),
)
DATABASE = (
    option(
        "--database",
        metavar="PLACE",
        help="Keep examples that failed and try them first: in a folder, or in Redis "
        "(redis://HOST) for all runners.",
    ),
)
SELECTION = tuple(
    option(
        f"--{way}-{part}",
        f"{way}_{part.replace('-', '_')}",
        multiple=True,
        metavar="PATTERN",
        help=f"{'Only' if way == 'include' else 'Not'} what this {part} names; * and ? work (repeatable).",
    )
    for part in PARTS
    for way in ("include", "exclude")
)

FORMATS = ("json", "junit", "har", "html", "markdown")
REPORTS = (
    option(
        "--report",
        metavar="FORMATS",
        help=f"Reports to write, with commas between: {', '.join(FORMATS)}.",
    ),
    option(
        "--report-dir",
        type=click.Path(path_type=Path),
        default=Path("contracts-report"),
        show_default=True,
        help="Where reports without a path of their own are written.",
    ),
    *(
        option(
            f"--report-{name}-path",
            type=click.Path(path_type=Path, dir_okay=False),
            help=f"Where the {name} report is written.",
        )
        for name in FORMATS
    ),
)
BASELINE = (
    option(
        "--baseline",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="PATH",
        help="File of findings that are accepted: only others fail the run.",
    ),
    option(
        "--baseline-update",
        "--update-baseline",
        "baseline_update",
        is_flag=True,
        help="Accept what this run finds: write it to the file.",
    ),
    option(
        "--baseline-prune",
        is_flag=True,
        help="Take out of the file what this run tried and did not find.",
    ),
)
COLOURS = (
    option(
        "--no-color", is_flag=True, help="No colours; NO_COLOR in the environment does the same."
    ),
)
REPLAY = (
    option(
        "--rule",
        "rule",
        multiple=True,
        metavar="PATTERN",
        help="Only findings and differences of these rules; * and ? work (repeatable).",
    ),
)


def with_options(*groups: tuple[Callable[[Command], Command], ...]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        command = by_their_source(command)
        for group in reversed(groups):
            for one in reversed(group):
                command = one(command)
        return command

    return decorate


def by_their_source(command: Command) -> Command:
    """A command whose errors name a setting by where it was made."""

    @wraps(command)
    def run(*given: Any, **chosen: Any) -> Any:
        try:
            return command(*given, **chosen)
        except CouldNotRunError as error:
            context = click.get_current_context(silent=True)
            if context is None:
                raise
            raise CouldNotRunError(renamed(str(error), context)) from None

    return run


def renamed(words: str, context: click.Context) -> str:
    """Words that name what is wrong (`--seed: found …`) by where that was said."""
    for parameter in context.command.params:
        place = place_of(parameter, context)
        for name in parameter.opts:
            if place and name.startswith("--"):
                words = re.sub(rf"(?<![\w-]){re.escape(name)}(?=: )", place, words)
    return words


def place_of(parameter: click.Parameter, context: click.Context) -> str:
    """The environment's variable, or the key of the project's file, that a setting is from."""
    source = context.get_parameter_source(parameter.name or "")
    if source is ParameterSource.ENVIRONMENT:
        return str(parameter.envvar)
    if source is ParameterSource.DEFAULT_MAP:
        return f"[tool.contracts] {parameter.opts[-1].lstrip('-')} in pyproject.toml"
    return ""


def to_settings(chosen: dict[str, Any]) -> Settings:
    """The settings that options come to; those that a command does not have keep their defaults."""
    defaults = Settings(Path())

    app = only_target(chosen)

    def pick(name: str) -> Any:
        value = chosen.get(name)
        return getattr(defaults, name) if value is None else value

    selection = Selection(
        *(
            tuple(chosen.get(f"{way}_{part.replace('-', '_')}", ()))
            for part in PARTS
            for way in ("include", "exclude")
        )
    )
    if chosen.get("schemathesis") is None:
        # Its checks are of no rule: who asks for one rule waits for that one alone.
        chosen["schemathesis"] = not selection.include_rules
    if chosen.get("thorough") is None:
        chosen["thorough"] = bool(selection.include_rules)
    return Settings(
        chosen.get("document") or default_document_path(),
        chosen.get("base_url"),
        pick("seed"),
        pick("examples"),
        pick("fuzz_examples"),
        pick("steps"),
        pick("max_wait"),
        pick("grace"),
        frozenset(chosen.get("allow") or ()),
        tuple(chosen.get("recipient") or ()),
        selection,
        pick("schemathesis"),
        chosen.get("max_requests"),
        chosen.get("max_seconds"),
        chosen.get("rate"),
        chosen.get("ledger"),
        chosen.get("account"),
        chosen.get("proxy"),
        chosen.get("ca_bundle"),
        app,
        chosen["thorough"],
        chosen.get("database"),
    )


def only_target(chosen: dict[str, Any]) -> str | None:
    """The application in this process; beside an address the one that is told more directly.

    Raises CouldNotRunError where both are told in the same way.
    """
    if chosen.get("app") is not None and chosen.get("base_url") is not None:
        context = click.get_current_context(silent=True)
        told = [
            context.get_parameter_source(name) if context is not None else None
            for name in ("app", "base_url")
        ]
        if told[0] == told[1]:
            raise CouldNotRunError("found both --app and --base-url; expected one target")
        ranks = [DIRECTNESS.index(one) if one in DIRECTNESS else len(DIRECTNESS) for one in told]
        chosen["base_url" if ranks[0] < ranks[1] else "app"] = None
    app: str | None = chosen.get("app")
    return app


DIRECTNESS = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT, ParameterSource.DEFAULT_MAP)


def read_project(folder: Path, commands: Mapping[str, click.Command]) -> dict[str, Any]:
    """`[tool.contracts]` as defaults of every command; raises CouldNotRunError for unknown keys."""
    path = folder / "pyproject.toml"
    if not path.is_file():
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("contracts", {})
    except (OSError, ValueError) as error:
        raise CouldNotRunError(f"{path} cannot be read: {error}") from None
    if not isinstance(table, dict):
        raise CouldNotRunError(f"{path} [tool.contracts]: found {table!r}; expected a table")
    known = {p.name or "" for command in commands.values() for p in command.params}
    values = {name.replace("-", "_"): value for name, value in table.items()}
    for name in values:
        if name not in known:
            hint = nearest(name, known)
            raise CouldNotRunError(
                f'{path} [tool.contracts]: found "{name}"; expected an option of the command'
                + (f"; {hint}" if hint else "")
            )
    return dict.fromkeys(commands, values)
