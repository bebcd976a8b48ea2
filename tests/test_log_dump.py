"""The whole log in one file: the same bytes for the same size, and for so many readers at once."""

import socket
import threading
import time
from collections.abc import Iterator
from itertools import count

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.audit import dump_api
from services.database import Database
from services.jobs.log import LogWriter
from services.settings import Settings
from tests.world import stock

DUMP = "/log/dump.jsonl.gz"
PATIENCE_S = 30


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> dump_api.Places:
    """One place, taken by nobody."""
    places = dump_api.Places()
    monkeypatch.setattr(dump_api, "_PLACES", places)
    monkeypatch.setattr(dump_api, "get_settings", lambda: Settings(dump_readers=1))
    return places


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dump that must not be read."""
    monkeypatch.setattr("services.audit.reading.dump", lambda *_: pytest.fail("it was read"))


def test_of_one_size_it_is_the_same_and_of_another_it_is_not(
    anchored: Database, api: TestClient, settings: Settings, tmp_path: object
) -> None:
    first, again = api.get(DUMP), api.get(DUMP)
    assert first.content == again.content
    tag = first.headers["etag"]
    assert again.headers["etag"] == tag
    assert not tag.startswith("W/")
    with anchored.transaction() as session:
        stock(session, key="one more")
    writer = LogWriter(settings.model_copy(update={"data_dir": tmp_path / "data"}), anchored)  # type: ignore[operator]
    writer.run_once()
    writer.close()
    grown = api.get(DUMP, headers={"If-None-Match": tag})
    assert grown.status_code == 200
    assert grown.headers["etag"] != tag
    assert len(grown.content) > len(first.content)


def test_the_same_size_with_another_root_is_another_dump() -> None:
    assert dump_api._tag(5, bytes(32)) != dump_api._tag(5, b"\x01" * 32)
    assert dump_api._tag(5, bytes(32)) != dump_api._tag(6, bytes(32))


@pytest.mark.parametrize("known", ["{tag}", "W/{tag}", '"x", {tag}', "*", '"x" , W/{tag},"y"'])
def test_who_has_it_already_is_told_so_and_nothing_is_read(
    anchored: Database, api: TestClient, unread: None, known: str
) -> None:
    tag = api.head(DUMP).headers["etag"]
    answer = api.get(DUMP, headers={"If-None-Match": known.format(tag=tag)})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)


@pytest.mark.parametrize("known", ["", '"x"', "{bare}", 'W/"{bare}x"'])
def test_who_has_something_else_gets_it(anchored: Database, api: TestClient, known: str) -> None:
    bare = api.head(DUMP).headers["etag"].strip('"')
    answer = api.get(DUMP, headers={"If-None-Match": known.format(bare=bare)})
    assert answer.status_code == 200
    assert answer.content


def test_head_tells_what_get_would_and_reads_nothing(
    anchored: Database, api: TestClient, readers: dump_api.Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    got = api.get(DUMP)
    monkeypatch.setattr("services.audit.reading.dump", lambda *_: pytest.fail("it was read"))
    with readers.one_of(1):
        head = api.head(DUMP)
    assert (head.status_code, head.content) == (200, b"")
    assert "content-length" not in head.headers
    told = ("etag", "content-type", "content-disposition", "cache-control")
    assert [head.headers[name] for name in told] == [got.headers[name] for name in told]


def test_who_comes_when_all_places_are_taken_is_told_when_to_come_again(
    anchored: Database, api: TestClient, readers: dump_api.Places
) -> None:
    with readers.one_of(1):
        answer = api.get(DUMP)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["type"] == "urn:medrelay:problem:too-many-readers"
        assert "etag" not in answer.headers
    for _ in range(3):
        assert api.get(DUMP).status_code == 200


def test_a_dump_that_breaks_off_frees_its_place(
    anchored: Database, api: TestClient, readers: dump_api.Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> Iterator[bytes]:
        yield b"begun"
        raise RuntimeError("the database went away")

    with monkeypatch.context() as patch:
        patch.setattr("services.audit.reading.dump", breaks)
        api.get(DUMP)
    assert api.get(DUMP).status_code == 200


@pytest.fixture
def port(application: FastAPI, api: TestClient) -> Iterator[int]:
    """The application as it is served, at a port of this machine."""
    config = uvicorn.Config(application, host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def ask(port: int) -> socket.socket:
    """A reader that has read the beginning of the answer, and reads no more."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(f"GET {DUMP} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    connection.settimeout(PATIENCE_S)
    return connection


def status(connection: socket.socket) -> int:
    return int(connection.recv(20).split()[1])


def test_who_goes_away_frees_the_place(
    anchored: Database, port: int, readers: dump_api.Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first reader takes an endless dump; the next one gets it once the first is gone."""

    def endless(*_: object) -> Iterator[bytes]:
        while True:
            yield bytes(2**16)

    monkeypatch.setattr("services.audit.reading.dump", endless)
    with ask(port) as first:
        assert status(first) == 200
        with ask(port) as second:
            assert status(second) == 503
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with ask(port) as third:
            found = status(third)
        if found == 200:
            return
        assert time.monotonic() < deadline, "the place stays taken"
        time.sleep(0.01)


def test_who_stays_and_reads_nothing_loses_the_place(
    anchored: Database, port: int, readers: dump_api.Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.audit.reading.dump", lambda *_: (bytes(2**16) for _ in count()))
    monkeypatch.setattr(dump_api, "_STALLED_S", 0.2)
    with ask(port) as stays:
        assert status(stays) == 200
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with ask(port) as other:
                found = status(other)
            if found == 200:
                return
            assert time.monotonic() < deadline, "the place stays taken"
            time.sleep(0.05)
