"""The Flask application: documented operations in front of it, the control API in it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches as close
from typing import Any, Unpack

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from mock_server.http.compose import Wishes, build_lane
from mock_server.http.control import Guard, build_control
from mock_server.http.control.interface import outlines
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
        self.register_error_handler(HTTPException, self.plain_error)

    def wsgi_app(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        if self.lane.answers(environ["PATH_INFO"]):
            return self.lane(environ, start_response)
        return PACKING(super().wsgi_app, environ, start_response)

    def plain_error(self, error: HTTPException) -> tuple[Response, int] | HTTPException:
        """Errors of the control API are JSON too."""
        if error.code is not None and error.code < 400:
            return error  # it says where to go
        allowed = sorted(getattr(error, "valid_methods", None) or ())
        if allowed:
            words = (
                f"{request.method} is not allowed at {request.path}; allowed: {', '.join(allowed)}."
            )
        elif not self.lane.control.on:
            words = "The control API is switched off; without --no-control it is there."
        elif error.code == 404:
            # What all paths begin with makes none of them like another.
            known = {one.path.strip("/"): f"/__mock{one.path}" for one in outlines()}
            sought = request.path.removeprefix("/__mock").strip("/")
            hint = next((f'did you mean "{known[one]}"?' for one in close(sought, known)), "")
            nothing = f"There is nothing at {request.path}"
            words = f"{nothing}; {hint}" if hint else f"{nothing}."
            words += " See /__mock/openapi.json."
        else:
            words = f"{error.name}; see /__mock/openapi.json."
        answer = jsonify({"error": words})
        if allowed:
            answer.headers["Allow"] = ", ".join(allowed)
        return answer, error.code or 500


def create_app(document: Document | None = None, **wishes: Unpack[Wishes]) -> MockServer:
    """The stub as a Flask application.

    Without a document it is the one that comes with the package.
    Raises DocumentError, SeedError or SettingsError.
    """
    return MockServer(build_lane(document or load_document(default_document_path()), wishes))
