"""One compiled document that answers in this process, for any number of accounts side by side."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mock_server.http.compose import build_lane
from mock_server.http.doorway import Doorway
from mock_server.spec import Document, default_document_path, load_document

if TYPE_CHECKING:
    from mock_server.http.background import BackgroundServer


class Stub:
    """A document's application; it listens on a socket from the moment somebody asks where."""

    def __init__(
        self,
        document: Document | Path | str | None = None,
        seed: Sequence[Path | str] = (),
        rules: Mapping[str, Any] | None = None,
        random_seed: int | None = None,
        overlay: Sequence[Path | str] = (),
    ) -> None:
        if not isinstance(document, Document):
            path = Path(document) if document else default_document_path()
            document = load_document(path, [Path(name) for name in overlay])
        self.document = document
        self.lane = build_lane(
            document,
            {
                "seeds": [Path(name) for name in seed] or None,
                "policies": rules,
                "random_seed": random_seed,
            },
        )
        self.application = Doorway(self.lane)
        self.lock = threading.Lock()
        self.server: BackgroundServer | None = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer: Iterable[bytes] = self.application(environ, start_response)
        return answer

    @property
    def origin(self) -> str:
        """Where it listens; it begins to now, if it has not."""
        with self.lock:
            if self.server is None:
                from mock_server.http.background import BackgroundServer

                self.server = BackgroundServer(self.application)
            return self.server.origin

    def close(self) -> None:
        """Stops listening; calls in this process are answered still."""
        with self.lock:
            if self.server is not None:
                self.server.close()
                self.server = None
