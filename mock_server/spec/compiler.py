"""A document becomes frozen values, once; every fault in it is found and reported together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from mock_server.errors import DocumentError
from mock_server.functions import FUNCTIONS
from mock_server.messages import quoted
from mock_server.spec.catalogue import check_unstated, compile_rules
from mock_server.spec.compilation import Compilation, check_claims
from mock_server.spec.consistency import check_consistency
from mock_server.spec.examine import check_names, examine
from mock_server.spec.inference import compile_wordless
from mock_server.spec.invention import check_invented, compile_invented
from mock_server.spec.lifecycle import check_machines
from mock_server.spec.loader import Source, iter_files, with_lines
from mock_server.spec.log import check_logs
from mock_server.spec.model import Document, ErrorLayout, Limits, Place, Resource, SecurityScheme
from mock_server.spec.older import is_older, modernized
from mock_server.spec.operation import compile_operations
from mock_server.spec.overlay import load_layers
from mock_server.spec.pointers import escape
from mock_server.spec.provider import compile_magic, compile_provider
from mock_server.spec.resource import check_embedded, check_references, compile_resources
from mock_server.spec.subscription import check_subscriptions
from mock_server.spec.view import compile_views

PACKAGED = Path(__file__).parents[1] / "data" / "openapi.yaml"
UNSEEN = "How the parts of it fit together is looked at once these are mended."
CHECKED_OUT = Path(__file__).parents[2] / "openapi.yaml"


def default_document_path() -> Path:
    """The document that comes with the package, or the one beside the packages in a checkout."""
    return PACKAGED if PACKAGED.exists() else CHECKED_OUT


def load_document(path: Path, overlays: Sequence[Path] = ()) -> Document:
    """Reads and compiles a document with overlays over it, or an overlay that says what it extends.

    Raises DocumentError with every fault, each with its file and line.
    """
    return compile_source(load_layers(path, overlays))


def compile_source(source: Source) -> Document:
    """Compiles what a file holds; raises DocumentError."""
    if source.value is None and source.faults:
        raise DocumentError(source.path, list(source.faults))
    if not isinstance(source.value, dict):
        found = "nothing" if source.value is None else quoted(source.value)
        fault = source.fault("#", found, "an OpenAPI 3.1 mapping")
        raise DocumentError(source.path, with_lines(source, [fault]))
    if is_older(source.value):
        # Without words of ours a document of 3.0 is as good; our words need 3.1.
        newer = replace(source, value=modernized(source.value))
        compilation, standing = examined(newer)
        if not standing:
            stop_at_faults(compilation)
            return replace(finished(compilation, standing), raw=source.value)
    compilation, standing = examined(source)
    if compilation.faults:  # too many to compile; what stands by itself is checked all the same
        check_names(compilation, standing)
        check_unstated(compilation)
        check_machines(compilation, standing)
    stop_at_faults(compilation, UNSEEN)
    return finished(compilation, standing)


def examined(source: Source) -> tuple[Compilation, list[tuple[str, str]]]:
    """A compilation with what is wrong part by part, and where words of ours stand."""
    compilation = Compilation(source, frozenset(FUNCTIONS))
    compilation.faults += source.faults
    return compilation, examine(compilation)


def finished(compilation: Compilation, standing: list[tuple[str, str]]) -> Document:
    if standing:
        document = compile_document(compilation)
        check_consistency(compilation, document)
        check_claims(compilation, standing)
    else:
        document = compile_wordless(compilation, base_path(compilation))
    stop_at_faults(compilation)
    return document


def stop_at_faults(compilation: Compilation, afterwards: str = "") -> None:
    if compilation.faults:
        faults = with_lines(compilation.source, compilation.faults)
        raise DocumentError(compilation.source.path, faults, afterwards)


def compile_document(compilation: Compilation) -> Document:
    raw = compilation.raw
    resources = compile_resources(compilation)
    for resource in resources.values():
        check_references(compilation, dict(resource.references), resources, resource.fields)
    resources = {
        name: replace(one, invented=compile_invented(compilation, one))
        for name, one in resources.items()
    }
    check_invented(compilation, resources)
    check_embedded(compilation, resources)
    check_logs(compilation, resources)
    check_subscriptions(compilation, resources)
    operations = compile_operations(compilation, resources)
    happenings = compile_provider(compilation, resources, operations)
    resources = {
        name: replace(one, magic=compile_magic(compilation, one, happenings))
        for name, one in resources.items()
    }
    schemes = compile_security(compilation, resources)
    errors = compile_errors(compilation)
    rules = compile_rules(compilation, set(operations))
    return Document(
        compilation.source.path,
        raw["info"]["title"],
        raw["info"]["version"],
        base_path(compilation),
        compile_seeds(compilation),
        rules,
        operations,
        resources,
        schemes,
        errors,
        raw,
        happenings,
        compile_views(compilation, resources, operations, happenings),
        compile_limits(compilation),
        tuple(file.path for file in iter_files(compilation.source) if file.path),
    )


def base_path(compilation: Compilation) -> str:
    """The path of the first server with its variables' defaults, without a slash at its end."""
    server = (compilation.raw.get("servers") or [{"url": "/"}])[0]
    url, variables = server["url"], server.get("variables", {})
    for name in re.findall(r"\{([^{}]*)\}", url):
        if compilation.known(name, variables, "#/servers/0/url", "variable"):
            url = url.replace(f"{{{name}}}", variables[name]["default"])
    try:
        return str(urlsplit(url).path).rstrip("/")
    except ValueError:
        compilation.report("#/servers/0/url", f'"{url}"', "an URL")
        return ""


def compile_seeds(compilation: Compilation) -> tuple[Path, ...]:
    compilation.claim("#/x-seed")
    listed = compilation.raw.get("x-seed", [])
    seeds = []
    for position, name in enumerate(listed):
        file, _ = compilation.source.written(f"#/x-seed/{position}")
        seed = (file.path.parent if file.path else Path()) / name
        if not seed.is_file():
            compilation.report(
                f"#/x-seed/{position}",
                f'"{name}", which is no file',
                "a path relative to the file that names it",
            )
        seeds.append(seed)
    return tuple(seeds)


def compile_limits(compilation: Compilation) -> Limits:
    compilation.claim("#/x-limits")
    word = compilation.raw.get("x-limits", {})
    return Limits(word.get("headers", {}), **word.get("shared", {}))


def compile_security(
    compilation: Compilation, resources: dict[str, Resource]
) -> dict[str, SecurityScheme]:
    found = {}
    for name, raw in compilation.raw.get("components", {}).get("securitySchemes", {}).items():
        node = compilation.resolver.object(raw)
        pointer = f"#/components/securitySchemes/{escape(name)}"
        kind = node.get("scheme", "").lower()
        word = node.get("x-principal")
        if not isinstance(word, dict):
            continue
        compilation.claim(f"{pointer}/x-principal")
        if node.get("type") != "http" or kind not in ("basic", "bearer"):
            compilation.report(
                pointer,
                f"type {node.get('type')}, scheme {kind or 'none'}",
                "type http with scheme basic or bearer",
            )
            continue
        if compilation.known(word["to"], resources, f"{pointer}/x-principal/to", "resource"):
            fields = resources[word["to"]].fields
            compilation.known(word["by"], fields, f"{pointer}/x-principal/by", "field")
        ids = compilation.state(
            node, pointer, Place("security", pointer, word["to"], (), name, None)
        )
        found[name] = SecurityScheme(
            name,
            "basic" if kind == "basic" else "bearer",
            word["to"],
            word["by"],
            word.get("password", "any") == "empty",
            ids,
            pointer,
        )
    return found


def compile_errors(compilation: Compilation) -> dict[str, ErrorLayout]:
    found: dict[str, ErrorLayout] = {}
    for name, raw in compilation.raw.get("components", {}).get("responses", {}).items():
        word = raw.get("x-error")
        pointer = f"#/components/responses/{escape(name)}/x-error"
        if not isinstance(word, dict):
            continue
        compilation.claim(pointer)
        layout = ErrorLayout(tuple(word["statuses"]), word["body"], word.get("strip", ""), pointer)
        for status in layout.statuses:
            if status in found:
                compilation.report(
                    f"{pointer}/statuses",
                    f'the status "{status}" again',
                    f"it once; {found[status].pointer} has it",
                )
            found[status] = layout
        compilation.state(
            raw,
            pointer.removesuffix("/x-error"),
            Place("response", pointer.removesuffix("/x-error"), None, (), None, layout),
        )
    return found
