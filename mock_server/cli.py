"""The command `mock-server`: serve a document, check it, read its rules."""

from __future__ import annotations

import gc
import json
import os
import secrets
import shlex
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from mock_server.child import NOT_EXECUTABLE, Child, to_variables
from mock_server.errors import CommandError, MockServerError, SettingsError
from mock_server.port_file import PortFile
from mock_server.settings import (
    BY_NAME,
    DEFAULTS,
    ENVIRONMENT_PREFIX,
    POLICIES,
    Setting,
    Settings,
    read_settings,
)
from mock_server.spec import Document, default_document_path, load_document
from mock_server.spec.model import BusinessRule, Example, Operation, Step
from mock_server.spec.pointers import nearest
from mock_server.spec.steps import in_words

if TYPE_CHECKING:
    from mock_server.http.doorway import Doorway
    from mock_server.http.wire import Lane

Command = Callable[..., None]


FEW = 8  # operations that a start names
INFERRED = "the document states no rules; paths, schemas and examples tell what it does"

# Below the help of each command; each is a command line that is understood.
EXAMPLES = {
    "mock-server": ("mock-server", "mock-server --port 0 --rule some.rule=warn"),
    "serve": (
        "mock-server serve",
        "mock-server serve other.yaml --watch --seed records.yaml",
        "mock-server serve other.yaml --overlay rules.overlay.yaml",
        "mock-server serve --port 0 --port-file port.txt --log-level warning",
    ),
    "exec": ("mock-server exec -- npm test", "mock-server exec -e API_BASE={url} -- pytest tests"),
    "check": ("mock-server check", "mock-server check other.yaml --seed records.yaml"),
    "rules": ("mock-server rules", "mock-server rules --json"),
    "seed": ("mock-server seed --random-seed 7 -o large.json",),
    "explain": (
        "mock-server explain some.rule",
        "mock-server explain --request request.http",
    ),
}


def epilog(command: str) -> str:
    """The examples as click shows them, each on its line."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in EXAMPLES[command])))


class DefaultGroup(click.Group):
    """A group whose first command is meant where none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = next((arg for arg in args if not arg.startswith("-")), None)
        asks_for_help = bool({"--help", "-h", "--version"} & set(args[:1]))
        if ctx.resilient_parsing and not args:  # a shell asks for words: commands are some
            return super().parse_args(ctx, args)
        if args and args[0] == first and first not in self.commands:
            self.check_spelling(first, ctx)
        if first not in self.commands and not asks_for_help:
            args = ["serve", *args]
        return super().parse_args(ctx, args)

    def check_spelling(self, word: str, ctx: click.Context) -> None:
        """Raises UsageError for a word that is no file and nearly a command."""
        hint = nearest(word, self.commands)
        if word.isalpha() and hint and not ctx.resilient_parsing and not Path(word).exists():
            raise click.UsageError(f"No such command or document '{word}'; {hint}", ctx)


@click.group(
    cls=DefaultGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=epilog("mock-server"),
)
@click.version_option(package_name="mock-server-kit", prog_name="mock-server")
def mock_server() -> None:
    """A stub server that keeps every rule its OpenAPI document states.

    Without a command it serves the document that comes with it.
    """


def document_argument(command: Command) -> Command:
    return click.argument("document", required=False, type=click.Path(path_type=Path))(command)


overlay_option = click.option(
    "--overlay",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="OpenAPI overlay to lay over the document; repeatable.",
)


def compiled(document: Path | str | None, overlays: Sequence[Path | str]) -> Document:
    """The document that is meant, with overlays over it."""
    path = Path(document) if document else default_document_path()
    return load_document(path, [Path(name) for name in overlays])


def setting_options(*names: str, **defaults: str) -> Callable[[Command], Command]:
    """The options of these settings, as the table of settings has them.

    `defaults` are those that are others for this command, in words.
    """

    def add(command: Command) -> Command:
        for name in reversed(names):
            setting = BY_NAME[name]
            default = defaults.get(name, setting.default)
            command = setting_option(replace(setting, default=default))(command)
        return command

    return add


def setting_option(setting: Setting) -> Callable[[Command], Command]:
    written = [*filter(None, (setting.short, setting.option)), setting.name]
    means = setting.means.replace("`", "")
    said = f"{means}.  [default: {setting.default.replace('`', '')}]"
    if setting.is_flag:
        return click.option(*written, is_flag=True, default=None, help=f"{means}.")
    kind: click.ParamType[Any] | None = click.Choice(setting.choices) if setting.choices else None
    if setting.metavar == "FILE":
        kind = click.Path()  # shells complete it
    return click.option(
        *written,
        type=kind,
        metavar=setting.metavar or None,
        multiple=setting.listed,
        help=said,
        shell_complete=complete_policies if setting.name == "rules" else None,
    )


def complete_rules(ctx: click.Context, _: click.Parameter, typed: str) -> list[str]:
    """Ids of rules that begin so, for a shell; none where the document has faults."""
    try:
        known = compiled(ctx.params.get("document"), ctx.params.get("overlay") or ()).rules
    except MockServerError:
        return []
    return [rule_id for rule_id in known if rule_id.startswith(typed)]


def complete_policies(ctx: click.Context, param: click.Parameter, typed: str) -> list[str]:
    rule_id, sign, policy = typed.partition("=")
    if sign:
        return [f"{rule_id}={one}" for one in POLICIES if one.startswith(policy)]
    return [f"{one}=" for one in complete_rules(ctx, param, rule_id)]


@mock_server.command(short_help="Serve a document.", epilog=epilog("serve"))
@document_argument
@setting_options(
    "overlay",
    "port",
    "port_file",
    "watch",
    "host",
    "seed",
    "random_seed",
    "rules",
    "cors_origin",
    "deliver_to",
    "rate_limit",
    "log_level",
    "log_format",
    "no_control",
    "no_color",
)
def serve(**chosen: Any) -> None:
    """Serve DOCUMENT (default: the one that comes with it) with its seed."""
    settings = settle(given(chosen), DEFAULTS)
    run_server(settings, use_colour(sys.stderr, settings.no_color))


@mock_server.command(
    "exec",
    context_settings={"allow_interspersed_args": False},
    short_help="Run a command while a server answers.",
    epilog=epilog("exec"),
)
@click.option("--document", metavar="FILE", type=click.Path(), help="The document to serve.")
@setting_options(
    "overlay",
    "port",
    "host",
    "seed",
    "random_seed",
    "rules",
    "cors_origin",
    "deliver_to",
    "rate_limit",
    "log_level",
    "log_format",
    "no_color",
    port="a free one",
    log_level="error",
)
@click.option(
    "-e",
    "--env",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="One more variable for the command; {url}, {key} and {origin} are filled in; repeatable.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(command: tuple[str, ...], variables: tuple[str, ...], **chosen: Any) -> None:
    """Run COMMAND while a server answers on a free port; exit with the command's code.

    The command finds MOCK_SERVER_URL (the API's base), MOCK_SERVER_KEY and MOCK_SERVER_ORIGIN in
    its environment. Signals are passed on to it.
    """
    child = Child(command, os.environ)
    settings = settle({"port": 0, **given(chosen)}, Settings(log_level="error"))
    colour = use_colour(sys.stderr, settings.no_color)
    code = run_beside(settings, colour, child, variables)
    click.get_current_context().exit(code)


def settle(chosen: Mapping[str, Any], defaults: Settings) -> Settings:
    """The settings from all places, with the address that the host means; raises SettingsError."""
    from mock_server.http.serve import find_address

    faults: list[str] = []
    settings = read_settings(Path.cwd(), os.environ, chosen, defaults, faults)
    try:
        settings = replace(settings, host=find_address(settings.host))
    except SettingsError as error:
        faults += error.faults
    if faults:
        raise SettingsError(*faults, *faults_of_policies(settings))
    return settings


def faults_of_policies(settings: Settings) -> tuple[str, ...]:
    """What else cannot be, as far as the document can be read."""
    from mock_server.pipeline.policies import decide_policies

    try:
        decide_policies(compiled(settings.document, settings.overlay), settings.rules)
    except SettingsError as error:
        return error.faults
    except MockServerError:
        pass
    return ()


def given(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given; lists where they may be repeated."""
    listed = {
        name: list(value) if isinstance(value, tuple) else value for name, value in chosen.items()
    }
    return {name: value for name, value in listed.items() if value not in (None, [])}


def use_colour(stream: Any, no_color: bool) -> bool:
    wanted = not no_color and not os.environ.get("NO_COLOR")
    return wanted and stream is not None and stream.isatty()


def run_server(settings: Settings, colour: bool) -> None:
    from mock_server.http.serve import serve

    with opened(settings, colour) as (door, port):
        greeting = greet(door.lane, settings, port)
        file = PortFile(Path(settings.port_file)) if settings.port_file else None

        def ready(server: Any) -> None:
            print(greeting, flush=True)
            if file is not None:
                file.write(port)

        try:
            serve(door, settings.host, port, ready)
        finally:
            if file is not None:
                file.remove()


@contextmanager
def opened(settings: Settings, colour: bool) -> Iterator[tuple[Doorway, int]]:
    """What answers, and a port that is kept for it; with --watch it follows its files."""
    # Imported here: checking a document or reading its rules needs no server.
    from mock_server.http.compose import Wishes, build_lane
    from mock_server.http.doorway import Doorway, SwingDoor
    from mock_server.http.log import RequestLog
    from mock_server.http.serve import hold_port

    seeds = [Path(name) for name in settings.seed]
    wishes: Wishes = {
        "seeds": seeds or None,
        "policies": settings.rules,
        "random_seed": settings.random_seed,
        "log": RequestLog(settings.log_level, settings.log_format, colour),
        "control": not settings.no_control,
        "control_token": token_for(settings),
        "cors_origins": settings.cors_origin,
        "deliver_to": settings.deliver_to,
        "rate_limit": settings.rate_limit,
    }

    def build() -> tuple[Lane, list[Path]]:
        document = compiled(settings.document, settings.overlay)
        return build_lane(document, wishes), [*document.files, *(seeds or document.seeds)]

    lane, files = build()
    door = SwingDoor(lane) if settings.watch else Doorway(lane)
    with hold_port(settings.host, settings.port) as held:
        if isinstance(door, SwingDoor):
            from mock_server.http.watch import Watcher

            Watcher(door, files, build).start()
        yield door, held.getsockname()[1]


def run_beside(settings: Settings, colour: bool, child: Child, variables: Sequence[str]) -> int:
    """Runs a command while the server answers; its exit code."""
    from mock_server.http.serve import serve

    codes: list[int] = []
    with opened(settings, colour) as (door, port):
        base = origin_of(settings.host, port)
        key = door.lane.tenants.default_key
        told = {"url": f"{base}{door.lane.plan.base_path}/", "key": key, "origin": base}
        environment = {f"{ENVIRONMENT_PREFIX}{name.upper()}": text for name, text in told.items()}
        environment |= to_variables(variables, told)

        def ready(server: Any) -> None:
            try:
                codes.append(child.run(environment))
            except OSError as error:
                click.echo(f"mock-server: {child.command[0]}: {error.strerror}", err=True)
                codes.append(NOT_EXECUTABLE)
            finally:
                server.stop()

        serve(door, settings.host, port, ready, child.obey)
    return codes[0] if codes else 130


def token_for(settings: Settings) -> str | None:
    """The token that the control API needs: the one that is set, or a fresh one beyond loopback."""
    if settings.control_token is not None or ip_address(settings.host).is_loopback:
        return settings.control_token
    return secrets.token_urlsafe(24)


def greet(lane: Lane, settings: Settings, port: int) -> str:
    """What a person needs to begin: where, which key, what is enforced, a line to paste."""
    from mock_server.pipeline.policies import iter_idle

    document, policies, key = lane.document, lane.plan.policies, lane.tenants.default_key
    origin = origin_of(settings.host, port)
    base = f"{origin}{document.base_path}"
    enforced = sum(policy == "enforce" for policy in policies.values())
    relaxed = [f"{name} {policy}" for name, policy in policies.items() if policy != "enforce"]
    kept = f"{len(document.operations)} operations, {enforced} rules enforced"
    told = [f"  keeps    {kept}" + (f" ({', '.join(relaxed)})" if relaxed else "")]
    told += [f"  idle     {one}" for one in iter_idle(document, policies)]
    if document.wordless:
        told = [f"  infers   {INFERRED}", *(f"           {one}" for one in iter_inferred(document))]
    lines = [
        f"{document.title} stub on {base}/",
        f"  key      {key}   (any key that begins with api_test_ opens a world of its own)",
        *told,
    ]
    line = curl_line(document, base, key)
    if line:
        lines.append(f"  try      {line}")
    if lane.control.on:
        lines.append(
            f"  why      {origin}/__mock/   shows every request and what decided its answer"
        )
    if lane.control.on and lane.control.token and settings.control_token is None:
        lines.append(
            f"  control  needs the header   Mock-Control-Token: {lane.control.token}   (or set MOCK_SERVER_CONTROL_TOKEN)"
        )
    return "\n".join(lines)


def iter_inferred(document: Document) -> Iterator[str]:
    """What is made of a document without words: records by their paths, then plain answers."""
    for resource in document.resources.values():
        own = [one for one in document.operations.values() if one.resource == resource.name]
        paths = dict.fromkeys(one.path_template for one in own)
        verbs = dict.fromkeys(one.does for one in own)
        yield f"{resource.title}: {', '.join(paths)} ({', '.join(verbs)})"
    plain = [f"{one.method} {one.path_template}" for one in document.plain.values()]
    if plain:
        more = f" and {len(plain) - FEW} more" if len(plain) > FEW else ""
        yield f"answered by examples: {', '.join(plain[:FEW])}{more}"


def origin_of(host: str, port: int) -> str:
    """Where a client on this machine reaches the server."""
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def curl_line(document: Document, base: str, key: str) -> str:
    """A request that the server takes: the first accepting example of the catalogue that creates.

    Empty where nothing can be asked for without an id.
    """
    for rule in document.rules.values():
        for example in rule.accepts:
            step = example.steps[0]
            operation = document.operations[step.operation_id]
            if operation.does == "create" and step.has_body and step.credentials == "default":
                body = shlex.quote(json.dumps(step.body, ensure_ascii=False))
                sent = f" -H 'Content-Type: application/json' -d {body}"
                return (
                    f"curl {login(document, operation, key)}{base}{operation.path_template}{sent}"
                )
    asked = (o for o in document.iter_operations() if o.method == "GET")
    listed = next(
        (o for o in asked if o.does in ("list", "answer") and "{" not in o.path_template), None
    )
    if listed is None:
        return ""
    return f"curl {login(document, listed, key)}{base}{listed.path_template}"


def login(document: Document, operation: Operation, key: str) -> str:
    """How curl shows a key to an operation."""
    schemes = [document.security_schemes[name] for name in operation.security]
    kinds = [one.kind for one in schemes if one.place is None]
    if schemes and not kinds:  # a key in the query cannot be shown in front of the address
        places = [one.place for one in schemes if one.place is not None]
        named = [f"{name}: {key}" for where, name in places if where == "header"]
        named += [f"Cookie: {name}={key}" for where, name in places if where == "cookie"]
        return f"-H '{named[0]}' " if named else ""
    if not kinds:
        return ""
    return f"-u {key}: " if "basic" in kinds else f"-H 'Authorization: Bearer {key}' "


@mock_server.command(short_help="Compile a document and run its examples.", epilog=epilog("check"))
@document_argument
@overlay_option
@click.option(
    "--seed",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Seed for the examples.",
)
def check(document: Path | None, overlay: tuple[Path, ...], seed: tuple[Path, ...]) -> None:
    """Compile DOCUMENT, validate it as OpenAPI, and run all examples of its catalogue."""
    from mock_server.examples import run_examples

    checked = compiled(document, overlay)
    second_opinion(checked)
    ran, faults = 0, []
    for outcome in run_examples(checked, list(seed) or None):
        ran += 1
        if outcome.fault:
            faults.append(f"  {outcome.example.pointer}: {outcome.fault}")
    if checked.wordless:
        click.echo(f"{checked.path}: {INFERRED}")
        for line in iter_inferred(checked):
            click.echo(f"  {line}")
    counts = (
        f"{len([*checked.iter_operations()])} operations, {len(checked.rules)} rules, "
        f"{ran} examples"
    )
    if faults:
        raise MockServerError(
            f"{checked.path}: {counts}; {len(faults)} went wrong:\n" + "\n".join(faults)
        )
    click.echo(f"{checked.path}: {counts}, all as they should be")


def second_opinion(document: Document) -> None:
    """What openapi-spec-validator says, where it is installed."""
    try:
        from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator
    except ImportError:
        return
    version = str(document.raw.get("openapi"))
    validator = OpenAPIV30SpecValidator if version[:3] == "3.0" else OpenAPIV31SpecValidator
    faults = [
        f"  #/{'/'.join(str(token) for token in error.absolute_path)}: {error.message[:300]}"
        for error in validator(dict(document.raw)).iter_errors()
    ]
    if faults:
        raise MockServerError(
            f"{document.path} is not valid OpenAPI {version[:3]}:\n" + "\n".join(faults)
        )


@mock_server.command(
    "seed",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    short_help="Write a larger account as a seed file.",
    epilog=epilog("seed"),
)
@click.option(
    "--document", metavar="FILE", type=click.Path(), help="The document whose records they are."
)
@overlay_option
@click.option("--random-seed", default=0, metavar="N", type=int, help="Makes the records repeat.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Default: standard output.",
)
@click.pass_context
def seed_(
    ctx: click.Context,
    document: str | None,
    overlay: tuple[Path, ...],
    random_seed: int,
    output: Path | None,
) -> None:
    """Write a larger account as a seed file: so many of each COLLECTION, --COLLECTION N.

    A COLLECTION may be cut short where it stays clear. The records of the document's own seed come
    first; whatever else is invented, as its `x-invented` words say.
    """
    described = compiled(document, overlay)
    write_seed(described, read_counts(ctx.args, described), random_seed, output)


def read_counts(args: Sequence[str], document: Document) -> dict[str, int]:
    """`--collection N` and `--collection=N` as a mapping; raises SettingsError."""
    collections = [one.collection for one in document.resources.values()]
    waiting = [part for arg in args for part in (arg.split("=", 1) if arg[:2] == "--" else [arg])]
    counts: dict[str, int] = {}
    while waiting:
        written = waiting.pop(0)
        name = written.removeprefix("--").replace("-", "_")
        found = [one for one in collections if one == name] or [
            one.collection
            for one in document.resources.values()
            if one.invented and one.collection.startswith(name)
        ]
        if not written.startswith("--") or len(found) != 1:
            hint = nearest(name, collections)
            made = [one.collection for one in document.resources.values() if one.invented]
            known = ", ".join(f"--{one}" for one in made) or "nothing, for nothing says how"
            raise SettingsError(f'found "{written}"; expected one of {known}{hint and "; "}{hint}')
        number = waiting.pop(0) if waiting else ""
        if not number.isdecimal() or len(number) > 9:
            raise SettingsError(f'{written}: found "{number}"; expected how many')
        counts[found[0]] = int(number)
    return counts


def write_seed(
    document: Document, asked: Mapping[str, int], chance: int, output: Path | None
) -> None:
    import orjson

    from mock_server.state.invention import Inventor, plan_counts
    from mock_server.state.seed import load_seed

    counts = plan_counts(document, asked)
    base = load_seed(document.seeds[0], document) if document.seeds else None
    inventor = Inventor(document, base, chance)
    total = sum(counts.values())
    with click.progressbar(
        length=total, label="Inventing", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        for number, _ in enumerate(inventor.make(counts), 1):
            if number % 1_000 == 0 or number == total:
                bar.update(1_000 if number % 1_000 == 0 else number % 1_000)
    # A record a line, so that a fault in it is found.
    parts = [
        f"{json.dumps(name)}: [\n"
        + ",\n".join(orjson.dumps(record).decode() for record in records)
        + "\n]"
        for name, records in inventor.records.items()
    ]
    text = "{\n" + ",\n".join(parts) + "\n}\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            found = error.strerror or type(error).__name__
            raise SettingsError(
                f"--output {output}: {found.lower()}; expected a file that can be written"
            ) from None


@mock_server.command(short_help="Print the catalogue of rules.", epilog=epilog("rules"))
@document_argument
@overlay_option
@click.option("--json", "as_json", is_flag=True, help="As JSON instead of a table.")
@click.option(
    "--no-color", is_flag=True, help="No colours; NO_COLOR in the environment does the same."
)
def rules(document: Path | None, overlay: tuple[Path, ...], as_json: bool, no_color: bool) -> None:
    """Print the catalogue of rules of DOCUMENT."""
    described = compiled(document, overlay)
    if as_json:
        rows = [rule_row(rule) for rule in described.rules.values()]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    print_table(described, no_color)


def rule_row(rule: BusinessRule) -> dict[str, Any]:
    return {
        "id": rule.rule_id,
        "says": rule.says,
        "source": rule.source,
        "certainty": rule.certainty,
        "policy": rule.policy,
        "note": rule.note or None,
        "stated_at": [place.pointer for place in rule.places],
    }


def print_table(document: Document, no_color: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    # Without a colour system there is no bold either.
    plain = no_color or bool(os.environ.get("NO_COLOR"))
    console = Console(color_system=None if plain else "auto", soft_wrap=False)
    heads = ("rule", "certainty", "policy", "says")
    rows = [(one.rule_id, one.certainty, one.policy, one.says) for one in document.rules.values()]
    if not console.is_terminal:  # a line for each rule, as other programs read them
        widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)][:-1]
        for row in (heads, *rows):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=False))
            click.echo("  ".join((*cells, row[-1])))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(heads[0], style="cyan", no_wrap=True)
    for head in heads[1:]:
        table.add_column(head)
    for row in rows:
        table.add_row(*row)
    console.print(table)


@mock_server.command(short_help="Explain a rule, or judge a request.", epilog=epilog("explain"))
@click.argument("rule", required=False, shell_complete=complete_rules)
@click.option(
    "--request",
    "written",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Judge the request in FILE (JSON, raw HTTP or a curl line; - reads it from here).",
)
@click.option(
    "--seed",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Seed to judge by.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option(
    "--document",
    type=click.Path(path_type=Path),
    help="Another document than the one that comes with it.",
)
@overlay_option
def explain(
    rule: str | None,
    written: Path | None,
    seed: tuple[Path, ...],
    as_json: bool,
    document: Path | None,
    overlay: tuple[Path, ...],
) -> None:
    """Explain one RULE, or judge a request without performing it.

    A RULE is told with its sentence, where it comes from, what it accepts and rejects.
    A request is told stage by stage, with the nearest one that would pass; exit code 1: it is refused.
    """
    if (rule is None) == (written is None):
        raise SettingsError("explain: expected either a RULE or --request FILE")
    described = compiled(document, overlay)
    if written is not None:
        judge(described, written, list(seed) or None, as_json)
        return
    assert rule is not None  # the other one of the two
    entry = described.rules.get(rule)
    if entry is None:
        hint = nearest(rule, described.rules) or "mock-server rules lists them"
        raise SettingsError(
            f'found the rule "{rule}"; expected a rule of {described.title}; {hint}'
        )
    if as_json:
        click.echo(json.dumps(rule_row(entry), indent=2, ensure_ascii=False))
        return
    click.echo("\n".join(explanation(entry, described)))


def judge(document: Document, path: Path, seeds: list[Path] | None, as_json: bool) -> None:
    """Prints what the server would say to a request in a file, on a fresh seed."""
    from mock_server.http.control.explain import judgement_of
    from mock_server.http.control.written import read_wish

    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    found = judgement_of(document, seeds, read_wish(text, str(path)))
    click.echo(json.dumps(found, indent=2, default=str) if as_json else "\n".join(told(found)))
    if found["verdict"] == "refused":
        sys.exit(1)


def told(found: Mapping[str, Any]) -> list[str]:
    """A judgement as people read it."""
    lines = [f"{found['verdict']}: {found['status']} {found['operation'] or ''}".rstrip(), ""]
    lines += [f"  {row['stage']:13} {row['decision']:12} {row['why']}" for row in found["stages"]]
    for one in found["violations"]:
        ids = ", ".join(rule["id"] for rule in one["rules"])
        value = json.dumps(one["found"], ensure_ascii=False, default=str)
        lines += [
            "",
            f"  {one['outcome']} {ids} at {one['pointer']}"
            if ids
            else f"  wrong at {one['pointer']}",
            *([] if ids else [f"    {one['message']}"]),
            *(f"    {rule['says']} ({rule['source']})" for rule in one["rules"]),
            f"    found {value}; accepted: {one['accepted']}",
            *(
                f"    because {name} is {json.dumps(fact, ensure_ascii=False, default=str)}"
                for name, fact in one["facts"].items()
            ),
        ]
    if found["ignored"]:
        lines.append("")
        lines += [f"  ignored {one['pointer']}: {one['reason']}" for one in found["ignored"]]
    lines += [f"  besides, {one}" for one in found["steered"]]
    if found["met"] and found["verdict"] == "passes":
        lines += ["", f"  keeps {', '.join(found['met'])}"]
    if found["why_none"]:
        lines += ["", f"  {found['why_none']}"]
    if found["nearest"] is not None:
        nearest_one = json.dumps(found["nearest"], ensure_ascii=False, default=str)
        lines += ["", f"  the nearest that passes: {nearest_one}"]
        for change in found["changes"]:
            before, after = (
                json.dumps(change[side], ensure_ascii=False, default=str) for side in ("from", "to")
            )
            lines.append(f"    {change['pointer']}: {before} -> {after}   {change['why']}")
    return lines


def explanation(rule: BusinessRule, document: Document) -> list[str]:
    lines = [
        rule.rule_id,
        f"  {rule.says}",
        "",
        f"  source     {rule.source}",
        f"  certainty  {rule.certainty}",
        f"  policy     {rule.policy}",
    ]
    if rule.note:
        lines.append(f"  note       {rule.note}")
    lines += [
        f"  stated at  {pointer}"
        for pointer in dict.fromkeys(place.pointer for place in rule.places)
    ]
    for word, examples in (("accepts", rule.accepts), ("rejects", rule.rejects)):
        for example in examples:
            lines += ["", f"  {word}", *(f"    {line}" for line in steps_of(example, document))]
    return lines


def steps_of(example: Example, document: Document) -> list[str]:
    return [step_line(step, document) for step in example.steps]


def step_line(step: Step, document: Document) -> str:
    operation = document.operations[step.operation_id]
    path = operation.path_template
    for name, value in step.path.items():
        path = path.replace("{" + name + "}", str(in_words(value)))
    query = "&".join(f"{name}={value}" for name, value in in_words(step.query).items())
    body = f" {json.dumps(in_words(step.body), ensure_ascii=False)}" if step.has_body else ""
    wait = f"after {step.wait:g} s: " if step.wait else ""
    return f"{wait}{operation.method} {document.base_path}{path}{'?' if query else ''}{query}{body}"


def main() -> NoReturn:
    """Runs the command; what is wrong is said in words, with exit code 2."""
    # A start makes much that lives on: collecting while it is made only takes time.
    gc.disable()
    code: Any = 0
    try:
        code = mock_server.main(standalone_mode=False)
    except CommandError as error:
        click.echo(f"mock-server: {error}", err=True)
        code = error.code
    except MockServerError as error:
        click.echo(f"mock-server: {error}", err=True)
        code = 2
    except click.ClickException as error:
        error.show()
        code = 2
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except OSError as error:
        click.echo(f"mock-server: {error.strerror or error}", err=True)
        code = 1
    leave(code if isinstance(code, int) else 0)


def leave(code: int) -> NoReturn:
    """Ends the process, also where a request under way will never end."""
    others = [t for t in threading.enumerate() if not t.daemon and t is not threading.main_thread()]
    if others:
        with suppress(OSError, AttributeError):  # nobody may be reading, or be there to read
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
