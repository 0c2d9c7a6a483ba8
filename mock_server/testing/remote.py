"""A mock server that runs elsewhere, as a test has it: an account of its own there, no state here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from requests import RequestException, Session

from mock_server.clock import format_instant
from mock_server.errors import Fault, MockServerError, StateError
from mock_server.http.log import printable
from mock_server.spec.pointers import nearest
from mock_server.testing.clock import to_instant, to_seconds
from mock_server.testing.interception import Answering
from mock_server.testing.requests_adapter import Client, ElsewhereAdapter
from mock_server.testing.state import Collections, check_fields, check_text, merged

if TYPE_CHECKING:
    from mock_server.testing.httpx_transport import ElsewhereTransport

PATIENCE = 30  # seconds that a call of the control API may take
LIFE = 86_400  # seconds after which the account of a run that was killed is dropped
PAGE = 1_000  # records


class RefusedError(MockServerError):
    """What the control API has refused, without faults that could be told one by one."""


class Elsewhere:
    """A server that runs elsewhere, and its control API; tests share it.

    `url` is its origin, or anything below. Raises MockServerError where none answers there.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.session = Session()
        self.session.trust_env = False  # neither proxies nor a netrc are meant
        if token:
            self.session.headers["Mock-Control-Token"] = token
        try:
            about = self.ask("GET", "/health")
        except RefusedError as error:
            raise self.wrong(f'the answer "{error}"') from None
        if not isinstance(about, dict) or about.get("server") != "mock-server":
            raise self.wrong("something else answers")
        self.base_path: str = about["base_path"]
        document = self.ask("GET", "/document")
        self.worded = "x-rules" in document  # else records may have fields that it does not name
        parts_of_it = document.get("components", {})
        schemes = parts_of_it.get("securitySchemes", {}).values()
        self.kinds = {one["scheme"].lower() for one in schemes if "x-principal" in one}

    @cached_property
    def fields(self) -> dict[str, set[str]]:
        """The fields that the records of each collection have."""
        rows = self.ask("GET", "/model")["resources"]
        return {row["collection"]: {field["name"] for field in row["fields"]} for row in rows}

    def wrong(self, found: str) -> MockServerError:
        return MockServerError(
            f"{self.origin}: {found}; expected a mock server with its control API, "
            "at the address that `mock-server serve` prints"
        )

    def ask(self, method: str, path: str, body: Any = None, tenant: str = "", **query: Any) -> Any:
        """What the control API answers; raises MockServerError, or StateError with the faults."""
        headers = {"Mock-Tenant": tenant} if tenant else {}
        try:
            answer = self.session.request(
                method,
                f"{self.origin}/__mock{path}",
                params=query,
                json=body,
                headers=headers,
                timeout=PATIENCE,
            )
            said = answer.json() if answer.content else None
        except RequestException as error:
            raise self.wrong(f"no answer ({type(error).__name__})") from None
        if answer.ok:
            return said
        if not isinstance(said, dict) or "error" not in said:
            raise self.wrong(f"status {answer.status_code}")
        if answer.status_code == 401 and "control token" in said["error"]:
            raise MockServerError(f"{self.origin}: {said['error']} Set MOCK_SERVER_CONTROL_TOKEN.")
        if said.get("faults"):
            raise StateError("", [fault_of(one) for one in said["faults"]])
        raise RefusedError(said["error"])

    def close(self) -> None:
        self.session.close()


def fault_of(told: Mapping[str, Any]) -> Fault:
    place = str(told["where"]).removeprefix("body")
    found = told["found"]
    return Fault(f"#{place}", found if isinstance(found, str) else repr(found), told["expected"])


class RemoteServer(Answering):
    """An account of its own on a server that runs elsewhere, with what MockServer has.

    `with RemoteServer("http://127.0.0.1:4010") as server:`; close() drops the account.
    Raises MockServerError where no mock server answers.
    """

    def __init__(self, server: Elsewhere | str, *, token: str | None = None) -> None:
        self.owned = isinstance(server, str)
        self.server = Elsewhere(server, token) if isinstance(server, str) else server
        opened = self.server.ask("POST", "/tenants", {"ttl": LIFE})
        self.key: str = opened["keys"][0]

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return self.server.origin

    @property
    def url(self) -> str:
        """The API's base URL, with a slash at its end."""
        return f"{self.origin}{self.server.base_path}/"

    @cached_property
    def client(self) -> Client:
        """A `requests` session with the key; its paths are relative to the API's base."""
        server = self.server
        return Client(self.adapter(), server.origin, server.base_path, self.key, server.kinds)

    @cached_property
    def clock(self) -> RemoteClock:
        return RemoteClock(self.server, self.key)

    @cached_property
    def state(self) -> RemoteState:
        return RemoteState(self.server, self.key)

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What was asked and answered, oldest first, each with its explanation."""
        found = self.server.ask("GET", "/requests", tenant=self.key, limit=PAGE)
        return list(reversed(found))

    def log(self) -> str:
        """The same as lines to read."""
        return "\n".join(map(told, self.requests))

    def adapter(self) -> ElsewhereAdapter:
        """What a `requests` session sends by: to the server there."""
        return ElsewhereAdapter(self.origin)

    @cached_property
    def transport(self) -> ElsewhereTransport:
        """For `httpx.Client(transport=…)` and `httpx.AsyncClient(transport=…)`."""
        from mock_server.testing.httpx_transport import ElsewhereTransport

        return ElsewhereTransport(self.origin)

    def close(self) -> None:
        """Drops the account."""
        if "client" in self.__dict__:
            self.client.close()
        self.server.ask("DELETE", f"/tenants/{quote(self.key, safe='')}")
        if self.owned:
            self.server.close()


class RemoteClock:
    """Time as one account there sees it; it is real until it is moved."""

    def __init__(self, server: Elsewhere, key: str) -> None:
        self.server = server
        self.key = key

    @property
    def now(self) -> datetime:
        """What time it is, in UTC."""
        return self.ask("GET")

    def freeze(self, at: datetime | str | None = None) -> datetime:
        """Stops the clock, now or at a moment (a datetime, or ISO 8601)."""
        return self.ask("POST", {"freeze": True if at is None else written(at)})

    def set(self, at: datetime | str) -> datetime:
        """Makes it that moment; the clock runs on unless it is frozen."""
        return self.ask("POST", {"set": written(at)})

    def advance(self, by: float | timedelta = 0, **units: float) -> datetime:
        """Moves time on by seconds, a timedelta, or units of one (`minutes=5`)."""
        return self.ask("POST", {"advance": to_seconds(by, units)})

    def real(self) -> datetime:
        """Lets the clock show the machine's time again."""
        return self.ask("POST", {"real": True})

    def ask(self, method: str, body: Any = None) -> datetime:
        row = self.server.ask(method, "/clock", body, self.key)
        return datetime.fromisoformat(row["now"])


def written(moment: datetime | str) -> str:
    return format_instant(to_instant(moment))


class RemoteState(Collections):
    """The records of one account there, by the collections that seeds have.

    What is added or changed is held against the schema of its resource, as MockState does.
    """

    def __init__(self, server: Elsewhere, key: str) -> None:
        self.server = server
        self.key = key

    @property
    def collections(self) -> dict[str, int]:
        """How many records each collection holds."""
        found: dict[str, int] = self.ask("GET", "")["collections"]
        return found

    def __getitem__(self, collection: str) -> list[dict[str, Any]]:
        return self.read(collection)

    def read(self, collection: str, **wanted: Any) -> list[dict[str, Any]]:
        """The records, oldest first; with values, those that have them."""
        records: list[dict[str, Any]] = []
        while True:
            page = self.ask("GET", path_of(collection), limit=PAGE, skip=len(records), order="made")
            records += [row["record"] for row in page["records"]]
            if len(records) >= page["total"] or not page["records"]:
                break
        fields = {field for one in records for field in one}
        if self.server.worded:
            fields |= self.server.fields[collection]
            check_fields(collection, wanted, fields)
        # What has nearly the name of one is a slip; a field of another name may yet come.
        check_fields(collection, [name for name in wanted if nearest(name, fields)], fields)
        return [one for one in records if all(one.get(k) == v for k, v in wanted.items())]

    def one(self, collection: str, record_id: str) -> dict[str, Any]:
        """One record; raises StateError where there is none."""
        return self.record("GET", path_of(collection, record_id))

    def add(
        self, collection: str, values: Mapping[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        """Adds a record as a seed would, and returns it whole."""
        body = merged(collection, values, more)
        return self.record("POST", path_of(collection), body, by="record")

    def change(
        self,
        collection: str,
        record_id: str,
        values: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """Changes fields of a record, whatever state it is in, and returns it whole."""
        body = merged(collection, values, more)
        return self.record("PUT", path_of(collection, record_id), body, by="record")

    def remove(self, collection: str, record_id: str) -> None:
        """Takes a record away; raises StateError where there is none."""
        self.ask("DELETE", path_of(collection, record_id), by="record")

    def reset(self) -> None:
        """The records are those of the seed again; clock and journal stay."""
        self.server.ask("POST", "/reset", tenant=self.key, only="records")

    def record(self, method: str, path: str, body: Any = None, **query: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.ask(method, path, body, **query)["record"]
        return found

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        try:
            return self.server.ask(method, f"/state{path}", body, self.key, **query)
        except RefusedError as error:
            said, _, hint = str(error).rstrip(".").partition("; ")
            found = said.removeprefix("There is ")
            raise StateError("", [Fault("", found, "what is there", hint)]) from None


def told(row: Mapping[str, Any]) -> str:
    """A request and its answer as lines to read, as the server's own log has them."""
    query = f"?{row['query']}" if row["query"] else ""
    lines = [f"{row['method']} {row['path']}{query} {row['status']}"]
    for one in row["violations"]:
        word = "refused" if one["outcome"] == "broken" else "warned"
        ids = ", ".join(rule["id"] for rule in one["rules"])
        facts = "".join(f"; {name} is {json.dumps(value)}" for name, value in one["facts"].items())
        found = json.dumps(one["found"], ensure_ascii=False)
        found = found if len(found) <= 80 else found[:77] + "…"
        lines.append(
            f"  {word}{f' by {ids}' if ids else ''} at {one['pointer']}: {one['message']}"
            f" Found {found}{facts}; accepted: {one['accepted']}"
        )
    return "\n".join(map(printable, lines))


def path_of(*names: str) -> str:
    check_text(*names)
    return "".join(f"/{quote(name, safe='')}" for name in names)
