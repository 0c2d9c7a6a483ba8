"""Settings: command line over environment over `[tool.mock_server]` in pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mock_server.errors import SettingsError

ENVIRONMENT_PREFIX = "MOCK_SERVER_"
# What `mock-server exec` tells the command that it runs; a server inside that command ignores it.
TOLD = ("URL", "KEY", "ORIGIN")
POLICIES = ("enforce", "warn", "off")
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
LOG_FORMATS = ("text", "json")
HOST = r"[a-z0-9._-]+(?::\d{1,5})?"
ORIGIN = r"\*|null|[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?:\d{1,5}|\*))?"


class Chosen(str):
    """A policy that was chosen for a rule, and where."""

    __slots__ = ("place",)

    place: str

    def __new__(cls, policy: str, place: str) -> Chosen:
        chosen = super().__new__(cls, policy)
        chosen.place = place
        return chosen


@dataclass(frozen=True, slots=True)
class Settings:
    """How the server runs."""

    document: str = ""  # empty: the one that comes with the package
    overlay: tuple[str, ...] = ()  # files
    host: str = "127.0.0.1"
    port: int = 4010
    seed: tuple[str, ...] = ()  # files; empty: those that the document names
    random_seed: int | None = None
    rules: Mapping[str, Any] = field(default_factory=dict)  # rule id -> policy
    log_level: str = "info"
    log_format: str = "text"
    no_control: bool = False
    control_token: str | None = None
    no_color: bool = False
    port_file: str = ""
    watch: bool = False
    cors_origin: tuple[str, ...] = ()
    deliver_to: tuple[str, ...] = ()  # hosts
    rate_limit: tuple[int, float] | None = None  # requests, seconds


DEFAULTS = Settings()


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: how it is written in each place, what it means."""

    name: str  # in pyproject.toml, and of the field of Settings
    option: str  # on the command line
    means: str
    default: str
    convert: Callable[[Any, str], Any]
    metavar: str = ""
    short: str = ""
    choices: tuple[str, ...] = ()
    listed: bool = False  # repeatable on the command line, with commas in the environment
    is_flag: bool = False
    variable: str = ""  # in the environment, where it has no name of ours

    @property
    def environment(self) -> str:
        return self.variable or ENVIRONMENT_PREFIX + self.name.upper()


def read_settings(
    folder: Path,
    environment: Mapping[str, str],
    chosen: Mapping[str, Any],
    settings: Settings = DEFAULTS,
    faults: list[str] | None = None,
) -> Settings:
    """Settings from all three places; raises SettingsError that names the places of all that cannot be.

    With a list of `faults` it goes on without those: the list has them afterwards.
    """
    found: list[str] = []
    project = folder / "pyproject.toml"
    if project.is_file():
        place = f"{project} [tool.mock_server]"
        settings = apply(settings, read_project(project), place, found)
    settings = apply(settings, read_environment(environment), "the environment", found)
    settings = apply(settings, chosen, "the command line", found)
    if faults is not None:
        faults += found
    elif found:
        raise SettingsError(*found)
    return settings


def read_project(path: Path) -> dict[str, Any]:
    try:
        table = (
            tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("mock_server", {})
        )
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    if not isinstance(table, dict):
        raise SettingsError(f"{path} [tool.mock_server]: found {table!r}; expected a table")
    return {name.replace("-", "_"): value for name, value in table.items()}


def read_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """What stands in the environment; names that begin like ours and mean nothing are kept too."""
    names = {setting.environment: setting for setting in SETTINGS}
    ignored = {ENVIRONMENT_PREFIX + name for name in TOLD}
    found: dict[str, Any] = {}
    for name, text in environment.items():
        if not text or name in ignored:
            continue
        setting = names.get(name)
        if setting is not None and setting.listed:
            found[setting.name] = [part.strip() for part in text.split(",") if part.strip()]
        elif setting is not None:
            found[setting.name] = text
        elif name.startswith(ENVIRONMENT_PREFIX):
            found[name.removeprefix(ENVIRONMENT_PREFIX).lower()] = text
    return found


def apply(settings: Settings, values: Mapping[str, Any], place: str, faults: list[str]) -> Settings:
    """The settings with values of one place on top; those that cannot be are added to the faults."""
    for name, value in values.items():
        setting = BY_NAME.get(name)
        if setting is None:
            faults.append(unknown(name, place))
            continue
        if value is None or value == ():
            continue
        try:
            converted = setting.convert(value, f"{place}: {name}")
        except SettingsError as error:
            faults += error.faults
            continue
        if name == "rules":
            converted = {**settings.rules, **converted}
        settings = replace(settings, **{name: converted})
    return settings


def unknown(name: str, place: str) -> str:
    close = get_close_matches(name, BY_NAME, n=1)
    hint = f'; did you mean "{close[0]}"?' if close else ""
    return (
        f'{place}: found the setting "{name}"; expected one of {", ".join(sorted(BY_NAME))}{hint}'
    )


def to_policies(value: Any, place: str) -> dict[str, str]:
    """`ID=POLICY` texts or a mapping, as a mapping."""
    faults: list[str] = []
    pairs: list[tuple[Any, Any]] = []
    if isinstance(value, Mapping):
        pairs += value.items()
    else:
        for text in value if isinstance(value, list | tuple) else [value]:
            rule_id, sign, policy = str(text).partition("=")
            if not sign:
                faults.append(
                    f'{place}: found the rule policy "{text}"; expected ID=POLICY, such as some.rule=off'
                )
                continue
            pairs.append((rule_id.strip(), policy.strip()))
    for rule_id, policy in pairs:
        if policy not in POLICIES:
            faults.append(
                f'{place}: found the policy "{policy}" for {rule_id}; expected one of {", ".join(POLICIES)}'
            )
    if faults:
        raise SettingsError(*faults)
    return {rule_id: Chosen(policy, place) for rule_id, policy in pairs}


def to_text(value: Any, place: str) -> str:
    if not isinstance(value, str | Path) or not str(value):
        raise SettingsError(f"{place}: found {value!r}; expected text")
    return str(value)


def to_port(value: Any, place: str) -> int:
    number = to_number(value, place)
    if not 0 <= number <= 65_535:
        raise SettingsError(
            f"{place}: found {number}; expected a port from 0 (any free one) to 65535"
        )
    return number


def to_number(value: Any, place: str) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise SettingsError(f"{place}: found {value!r}; expected a whole number") from None


def to_flag(value: Any, place: str) -> bool:
    known = {"true": True, "1": True, "false": False, "0": False}
    flag = known.get(str(value).lower())
    if flag is None:
        raise SettingsError(f"{place}: found {value!r}; expected true or false")
    return flag


def to_token(value: Any, place: str) -> str:
    # What was found is not told: it may be half of a secret.
    if not isinstance(value, str) or not re.fullmatch(r"[\x21-\x7e]{8,200}", value):
        raise SettingsError(f"{place}: expected 8 to 200 printable characters without spaces")
    return value


def to_truth(value: Any, place: str) -> bool:
    """True for true and for any text, as NO_COLOR has it."""
    return bool(value)


def to_texts(value: Any, place: str) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not all(isinstance(one, str) for one in listed):
        raise SettingsError(f"{place}: found {value!r}; expected a list of texts")
    return tuple(listed)


def to_origins(value: Any, place: str) -> tuple[str, ...]:
    origins = to_texts(value, place)
    for origin in origins:
        if not re.fullmatch(ORIGIN, origin):
            raise SettingsError(
                f'{place}: found "{origin}"; expected an origin such as http://localhost:3000, '
                "http://localhost:* for any port, null for files, or * for all"
            )
    return origins


def to_hosts(value: Any, place: str) -> tuple[str, ...]:
    hosts = to_texts(value, place)
    for host in hosts:
        if not re.fullmatch(HOST, host):
            raise SettingsError(
                f'{place}: found "{host}"; expected a host such as hooks.example or hooks.example:8443'
            )
    return hosts


def to_rate(value: Any, place: str) -> tuple[int, float]:
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9}(?:\.\d{1,6})?)", str(value))
    if found is None or not float(found[2]):
        raise SettingsError(f"{place}: found {value!r}; expected REQUESTS/SECONDS, such as 60/60")
    return int(found[1]), float(found[2])


def one_of(*words: str) -> Any:
    def convert(value: Any, place: str) -> str:
        if value not in words:
            raise SettingsError(f"{place}: found {value!r}; expected one of {', '.join(words)}")
        return str(value)

    return convert


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "document",
        "DOCUMENT",
        "The document to serve",
        "the one that comes with the package",
        to_text,
    ),
    Setting(
        "overlay",
        "--overlay",
        "OpenAPI overlay to lay over the document; repeatable",
        "none",
        to_texts,
        "FILE",
        listed=True,
    ),
    Setting("port", "--port", "Port; 0 picks a free one", "4010", to_port, "PORT", "-p"),
    Setting(
        "port_file",
        "--port-file",
        "File that holds the port while the server answers",
        "none",
        to_text,
        "FILE",
    ),
    Setting(
        "watch",
        "--watch",
        "Load the document and the seeds again when they change",
        "no",
        to_flag,
        is_flag=True,
    ),
    Setting(
        "host",
        "--host",
        "Address to listen on, or a name that has one",
        "127.0.0.1",
        to_text,
        "ADDRESS",
    ),
    Setting(
        "seed",
        "--seed",
        "Seed file; repeat it for more accounts",
        "what the document's `x-seed` names",
        to_texts,
        "FILE",
        listed=True,
    ),
    Setting("random_seed", "--random-seed", "Makes ids repeat", "none", to_number, "N"),
    Setting(
        "rules",
        "--rule",
        "`enforce`, `warn` or `off` for one rule; repeatable",
        "the catalogue's",
        to_policies,
        "ID=POLICY",
        listed=True,
    ),
    Setting(
        "cors_origin",
        "--cors-origin",
        "Origin whose pages may call the API, `*` for all; repeatable",
        "none",
        to_origins,
        "ORIGIN",
        listed=True,
    ),
    Setting(
        "deliver_to",
        "--deliver-to",
        "Host that subscribers may have besides loopback; repeatable",
        "none",
        to_hosts,
        "HOST",
        listed=True,
    ),
    Setting(
        "rate_limit",
        "--rate-limit",
        "So many requests of a key to an operation in so many seconds, such as 60/60",
        "no limit",
        to_rate,
        "N/SECONDS",
    ),
    Setting(
        "log_level",
        "--log-level",
        "What is logged; `warning`: refusals only",
        "info",
        one_of(*LOG_LEVELS),
        choices=LOG_LEVELS,
    ),
    Setting(
        "log_format",
        "--log-format",
        "How it is logged",
        "text",
        one_of(*LOG_FORMATS),
        choices=LOG_FORMATS,
    ),
    Setting(
        "no_control",
        "--no-control",
        "No control API and no console",
        "there is",
        to_flag,
        is_flag=True,
    ),
    Setting(
        "control_token",
        "",
        "What callers of the control API show",
        "none on loopback, else a fresh one that the start prints",
        to_token,
    ),
    Setting(
        "no_color",
        "--no-color",
        "No colours",
        "colours on a terminal",
        to_truth,
        is_flag=True,
        variable="NO_COLOR",
    ),
)
BY_NAME = {setting.name: setting for setting in SETTINGS}
