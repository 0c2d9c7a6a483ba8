"""The one way to the target, also for several threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

from contracts.settings import Settings, Timepiece
from contracts.target.connect import connect
from contracts.target.wire import Transfer
from mock_server.spec import Document, default_document_path


def test_who_listens_hears_one_transfer_after_the_other(document: Document) -> None:
    """A file of a report is written by a listener, and races send from several threads."""
    real = Timepiece(lambda: 1_900_000_000.0, lambda seconds: None)
    client = connect(document, Settings(default_document_path()), {}, real)
    speaking: list[Transfer] = []
    heard: list[int] = []

    def listen(transfer: Transfer) -> None:
        speaking.append(transfer)
        heard.append(len(speaking))
        Event().wait(0.01)  # long enough for another to come in between
        speaking.remove(transfer)

    client.listeners.append(listen)
    with ThreadPoolExecutor(4) as pool:
        for one in [pool.submit(client.call, document.operations["getMe"]) for _ in range(8)]:
            assert one.result().answer.status == 200
    assert heard == [1] * 8


def test_a_stub_in_this_process_has_a_time_of_its_own(document: Document) -> None:
    """It passes as requests come, so that a run is the same on a slow machine."""
    real = Timepiece(lambda: 1_900_000_000.4, lambda seconds: None)
    told = []
    for _ in range(2):
        client = connect(document, Settings(default_document_path()), {}, real)
        draft = {"status": "draft", "text": "Hello"}
        made = [
            client.call(document.operations["createSMS"], body=draft).answer.body for _ in range(5)
        ]
        told.append([one["date_created"] for one in made])
        client.clock.wait(60)
        assert 60 <= client.clock.now() - 1_900_000_000 < 61
    assert told[0] == told[1]
    assert all(moment.startswith("2030-03-17T17:46:40") for moment in told[0])
