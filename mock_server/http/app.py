"""The Flask application: documented operations in front of it, the control API in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Unpack

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from mock_server.http.compose import Wishes, build_lane
from mock_server.http.control import Guard, build_control
from mock_server.http.manners import Manners
from mock_server.http.wire import Lane
from mock_server.spec import Document, default_document_path, load_document

PACKING = Manners()  # the control API is for no page of another origin


class MockServer(Flask):
    """A Flask application whose documented operations are answered in front of it."""

    def __init__(self, lane: Lane) -> None:
        super().__init__("mock_server", static_folder=None)
        self.json.sort_keys = False  # type: ignore[attr-defined]
        self.lane = lane
        self.document = lane.document
        if lane.control.on:
            self.register_blueprint(build_control(lane, Guard(lane.control.token)))
        self.register_error_handler(HTTPException, plain_error)

    def wsgi_app(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        if self.lane.answers(environ["PATH_INFO"]):
            return self.lane(environ, start_response)
        return PACKING(super().wsgi_app, environ, start_response)


def plain_error(error: HTTPException) -> tuple[Response, int]:
    """Errors of the control API are JSON too."""
    allowed = getattr(error, "valid_methods", None)
    more = f"allowed: {', '.join(sorted(allowed))}" if allowed else "see /__mock/openapi.json"
    answer = jsonify({"error": f"{error.name}; {more}"})
    if allowed:
        answer.headers["Allow"] = ", ".join(sorted(allowed))
    return answer, error.code or 500


def create_app(document: Document | None = None, **wishes: Unpack[Wishes]) -> MockServer:
    """The stub as a Flask application.

    Without a document it is the one that comes with the package.
    Raises DocumentError, SeedError or SettingsError.
    """
    return MockServer(build_lane(document or load_document(default_document_path()), wishes))
