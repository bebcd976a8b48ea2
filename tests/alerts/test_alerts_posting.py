"""Where webhooks may go: to public addresses with TLS, and never led elsewhere."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from services.alerts import posting
from services.alerts.posting import Allowed, NotPosted, check_url, post
from services.errors import InvalidInput
from tests.alerts.http_server import Received, certificate_for, http_server
from tests.alerts.test_alerts_api import Client
from tests.world import World

LOOPBACK = Allowed(plain_loopback=True)


@pytest.fixture
def receiver() -> Iterator[Received]:
    with http_server() as received:
        yield received


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "ftp://example.org/",
        "https://user:secret@example.org/",
        "https://example.org/#part",
        "https://",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://exa mple.org/",
        "https://example.org/\r\nHost: x",
        "https://münchen.example/",
        "https://[::1",
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fd00::1]/",
        "https://[::127.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[64:ff9b:1::a00:1]/",
        "https://[fe80::1]/",
        "https://[fec0::1]/",
        "https://192.0.0.1/",
        "https://198.18.0.1/",
        "https://255.255.255.255/",
        "https://[2002:7f00:1::]/",
        "https://224.0.0.1/",
    ],
)
def test_no_address_inside_or_without_tls_is_taken(api: TestClient, world: World, url: str) -> None:
    with pytest.raises(InvalidInput):
        check_url(url, Allowed())
    refused = Client(api, world, "dispatcher").post(
        "webhooks", {"id": str(uuid4()), "url": url}, 422
    )
    assert refused["errors"][0]["field"] == "url"


def test_a_private_network_is_reached_only_where_a_setting_says_so() -> None:
    assert check_url("https://10.0.0.1/", Allowed(private=True)).hostname == "10.0.0.1"
    for never in ("https://169.254.169.254/", "https://0.0.0.0/", "https://224.0.0.1/"):
        with pytest.raises(InvalidInput):
            check_url(never, Allowed(private=True))
    with pytest.raises(InvalidInput):
        check_url("http://10.0.0.1/", Allowed(private=True, plain_loopback=True))


def resolving(*addresses: str) -> Callable[..., Any]:
    kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    return lambda _, port, **__: [(*kind, (each, port)) for each in addresses]


@pytest.mark.parametrize("name", ["localhost", "127.1", "2130706433", "0x7f000001", "localhost."])
def test_no_other_way_to_write_this_machine_leads_to_it(receiver: Received, name: str) -> None:
    with pytest.raises(NotPosted):
        post(f"https://{name}:{receiver.port}/", {}, b"{}", Allowed())
    assert receiver.posts == []


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "0.0.0.0"])
def test_a_name_that_leads_inside_is_not_followed(
    monkeypatch: pytest.MonkeyPatch, receiver: Received, inside: str
) -> None:
    monkeypatch.setattr(posting.socket, "getaddrinfo", resolving("93.184.216.34", inside))
    with pytest.raises(NotPosted, match="isn't public"):
        post(f"https://example.org:{receiver.port}/", {}, b"{}", Allowed())
    assert receiver.posts == []


def test_the_connection_goes_to_the_address_that_was_looked_at(
    monkeypatch: pytest.MonkeyPatch, receiver: Received
) -> None:
    """A second look-up, which could say otherwise, isn't made."""
    answers = [resolving("127.0.0.1"), resolving("10.0.0.1")]

    def look_up(*asked: Any, **more: Any) -> Any:
        return answers.pop(0)(*asked, **more)

    monkeypatch.setattr(posting.socket, "getaddrinfo", look_up)
    assert post(f"http://rebound.example:{receiver.port}/x", {}, b"{}", LOOPBACK) == 204
    assert len(answers) == 1
    assert receiver.posts[0][1]["host"] == f"rebound.example:{receiver.port}"


def test_tls_is_checked_against_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = certificate_for("hook.example", tmp_path)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(path)
    trusting = ssl.create_default_context(cafile=path)
    monkeypatch.setattr(posting.socket, "getaddrinfo", resolving("127.0.0.1"))
    inside = Allowed(private=True)
    with http_server(served) as received:
        url = f"https://hook.example:{received.port}/"
        assert post(url, {}, b"{}", inside, trusting) == 204
        with pytest.raises(NotPosted, match="certificate"):
            post(url, {}, b"{}", inside)
        with pytest.raises(NotPosted, match="certificate"):
            post(url.replace("hook", "other"), {}, b"{}", inside, trusting)
    assert len(received.posts) == 1


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n", b"x" * 9000])
def test_what_speaks_no_http_is_no_success(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(said)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(NotPosted):
            post(f"http://127.0.0.1:{server.getsockname()[1]}/", {}, b"{}", LOOPBACK)
        thread.join()


def test_who_answers_drop_by_drop_is_left_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch, receiver: Received
) -> None:
    moments = iter([0.0, 1.0, 2.0, 16.0])
    monkeypatch.setattr(posting.time, "monotonic", lambda: next(moments))
    with pytest.raises(NotPosted, match="no answer in time"):
        post(f"http://127.0.0.1:{receiver.port}/", {}, b"{}", LOOPBACK)
