"""Webhooks through a real HTTP server on loopback: signed, repeated, and never led astray."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from services.alerts import posting, signing
from services.alerts.models import Alert, AlertKind, Severity
from services.alerts.posting import Allowed, NotPosted, check_url, post
from services.alerts.sending import Channel
from services.alerts.signing import headers_of
from services.alerts.telling_models import Webhook
from services.database import Database
from services.errors import InvalidInput
from services.jobs.deliver import Messenger
from services.parties.models import Role
from services.settings import PROJECT_ROOT, Settings, get_settings
from tests.alerts.http_server import Received, certificate_for, http_server
from tests.alerts.raised import late_shipment
from tests.alerts.test_alerts_api import Client
from tests.world import World

# What tests put into the outbox is due by then.
NOW = datetime.now(UTC) + timedelta(hours=1)
LOOPBACK = Allowed(plain_loopback=True)


@pytest.fixture
def receiver() -> Iterator[Received]:
    with http_server() as received:
        yield received


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings under which webhooks may go to this machine."""
    monkeypatch.setenv("MEDRELAY_WEBHOOK_PLAIN_LOOPBACK", "true")
    monkeypatch.setenv("MEDRELAY_WEBHOOK_KEY", "11" * 32)
    get_settings.cache_clear()
    signing._key.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()
    signing._key.cache_clear()


@pytest.fixture
def look(database: Database, loopback: None) -> Callable[..., int]:
    def look(**after: float) -> int:
        clock = lambda: NOW + timedelta(**after)  # noqa: E731
        return Messenger(Settings(), database, Channel.WEBHOOK, clock).look()

    return look


@pytest.fixture
def clients(api: TestClient, world: World, loopback: None) -> Any:
    return lambda username: Client(api, world, username)


def registered(client: Client, port: int, **changes: Any) -> Any:
    body = {"id": str(uuid4()), "url": f"http://127.0.0.1:{port}/hook?a=1"} | changes
    return client.post("webhooks", body, 201)


def verify_by_the_docs(secret: str, headers: dict[str, str], body: bytes) -> Any:
    """The receiver's program in the documentation, as it stands there."""
    text = (PROJECT_ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    program = text.partition("```python\n")[2].partition("```")[0]
    found: dict[str, Any] = {}
    exec(program, found)
    return found["verified"](secret, headers, body)


def test_an_alert_is_posted_signed_and_once(
    clients: Any, database: Database, receiver: Received, look: Callable[..., int]
) -> None:
    hook = registered(clients("dispatcher"), receiver.port)
    assert hook["secret"].startswith("whsec_")
    with database.transaction() as session:
        alert = late_shipment(session, path="/shipments/1")
    assert look() == 1
    assert look(days=1) == 0
    ((path, headers, body),) = receiver.posts
    assert path == "/hook?a=1"
    assert headers["content-type"] == "application/json"
    event = json.loads(body)
    assert (event["type"], event["data"]["id"]) == ("alert.raised", str(alert.id))
    assert event["data"]["says"]["zh"].endswith("到达。")
    assert event["data"]["url"] == "http://127.0.0.1:8000/en/shipments/1"
    again = {"webhook-timestamp": str(int(datetime.now(UTC).timestamp()))}
    fresh = headers_of(hook["secret"], headers["webhook-id"], int(again["webhook-timestamp"]), body)
    assert headers_of(hook["secret"], headers["webhook-id"], int(NOW.timestamp()), body) == {
        name: headers[name] for name in fresh
    }
    assert verify_by_the_docs(hook["secret"], headers | fresh, body) == event
    for wrong in (headers, headers | fresh | {"webhook-id": "msg_x"}):
        with pytest.raises(ValueError):
            verify_by_the_docs(hook["secret"], wrong, body)
    with pytest.raises(ValueError):
        verify_by_the_docs(hook["secret"], headers | fresh, body + b" ")


def test_the_signature_is_that_of_the_standards_example() -> None:
    """Standard Webhooks' own test vector for its Python library."""
    headers = headers_of(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_it_is_told_what_its_registrar_may_see(
    clients: Any, database: Database, receiver: Received, look: Callable[..., int]
) -> None:
    registered(clients("hospital2"), receiver.port)
    registered(clients("approver"), receiver.port)
    registered(clients("hospital"), receiver.port, kinds=["recall"])
    registered(clients("carrier"), receiver.port, least_severity="critical")
    with database.transaction() as session:
        late_shipment(session, organisation="CARR1")
        late_shipment(session, organisation="HOSP1")
    assert look() == 0
    assert receiver.posts == []


def test_registering_twice_is_once_and_shows_the_secret_once(
    clients: Any, receiver: Received
) -> None:
    desk = clients("dispatcher")
    body = {"id": str(uuid4()), "url": f"http://127.0.0.1:{receiver.port}/"}
    assert desk.post("webhooks", body, 201)["secret"]
    assert desk.post("webhooks", body, 200)["secret"] is None
    assert len(desk.get("webhooks")) == 1
    desk.post("webhooks", body | {"kinds": ["recall"]}, 422)
    clients("hospital").post("webhooks", body, 404)
    assert clients("hospital").get("webhooks") == []
    clients("hospital").get(f"webhooks/{body['id']}", 404)
    clients("hospital").post(f"webhooks/{body['id']}/remove", {}, 404)
    clients("auditor").post("webhooks", body | {"id": str(uuid4())}, 403)


def test_a_test_a_new_secret_and_the_log_of_what_was_sent(
    clients: Any, receiver: Received, look: Callable[..., int]
) -> None:
    desk = clients("dispatcher")
    hook = registered(desk, receiver.port)
    body = {"id": str(uuid4())}
    for _ in range(2):
        desk.post(f"webhooks/{hook['id']}/test", body, 202)
    desk.post(f"webhooks/{registered(desk, receiver.port)['id']}/test", body, 409)
    assert look() == 1
    ((_, headers, sent),) = receiver.posts
    assert json.loads(sent)["type"] == "test"
    (row,) = desk.get(f"webhooks/{hook['id']}/messages")
    assert (row["state"], row["answer"], row["attempts"]) == ("sent", "status 204", 1)
    newer = desk.post(f"webhooks/{hook['id']}/secret", {"version": 1})
    assert newer["secret"] != hook["secret"]
    desk.post(f"webhooks/{hook['id']}/secret", {"version": 1}, 409)
    assert "webhook-signature" in headers


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 429, 500, 503])
def test_anything_but_success_is_tried_again_and_no_redirect_followed(
    clients: Any, receiver: Received, look: Callable[..., int], status: int
) -> None:
    hook = registered(clients("dispatcher"), receiver.port)
    clients("dispatcher").post(f"webhooks/{hook['id']}/test", {"id": str(uuid4())}, 202)
    receiver.status = status
    receiver.headers = {"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"}
    assert look() == 1
    assert look(seconds=30) == 0
    receiver.status = 200
    assert look(minutes=3) == 1
    assert [path for path, _, _ in receiver.posts] == ["/hook?a=1"] * 2
    ids = {headers["webhook-id"] for _, headers, _ in receiver.posts}
    stamps = {headers["webhook-timestamp"] for _, headers, _ in receiver.posts}
    assert (len(ids), len(stamps)) == (1, 2)


def test_one_that_fails_for_days_is_disabled_told_of_and_enabled_again(
    clients: Any, database: Database, receiver: Received, look: Callable[..., int]
) -> None:
    hospital = clients("hospital")
    hook = registered(hospital, receiver.port)
    receiver.status = 500
    with database.transaction() as session:
        late_shipment(session)
    assert look() == 1
    assert hospital.get(f"webhooks/{hook['id']}")["failing_since"] is not None
    assert look(days=2) == 1
    assert hospital.get(f"webhooks/{hook['id']}")["disabled_at"] is None
    assert look(days=3) == 1
    assert hospital.get(f"webhooks/{hook['id']}")["disabled_at"] is not None
    (told,) = hospital.get("alerts", kind="webhook_disabled")
    assert told["path"] == f"/alerts/webhooks/{hook['id']}"
    assert told["says"].startswith(f"127.0.0.1:{receiver.port} hasn't taken messages since")
    states = [row["state"] for row in hospital.get(f"webhooks/{hook['id']}/messages")]
    assert states == ["dropped"] or states == ["failed"]
    with database.transaction() as session:
        late_shipment(session, "shipment:2")
    receiver.status = 200
    assert look(days=4) == 0
    hospital.post(f"webhooks/{hook['id']}/enable", {})
    assert hospital.get("alerts", kind="webhook_disabled", state="open") == []
    with database.transaction() as session:
        late_shipment(session, "shipment:3")
    assert look(days=4) == 1


def test_one_that_says_gone_is_disabled_at_once(
    clients: Any, database: Database, receiver: Received, look: Callable[..., int]
) -> None:
    hook = registered(clients("hospital"), receiver.port)
    receiver.status = 410
    with database.transaction() as session:
        late_shipment(session)
    assert look() == 1
    assert clients("hospital").get(f"webhooks/{hook['id']}")["disabled_at"] is not None
    clients("hospital").post(f"webhooks/{hook['id']}/remove", {})
    clients("hospital").post(f"webhooks/{hook['id']}/enable", {}, 409)
    clients("hospital").post(f"webhooks/{hook['id']}/test", {"id": str(uuid4())}, 409)
    assert clients("hospital").get("webhooks") == []


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
        "https://[64:ff9b::a00:1]/",
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


def test_nothing_of_the_secret_is_stored(
    clients: Any, database: Database, receiver: Received
) -> None:
    secret = registered(clients("dispatcher"), receiver.port)["secret"]
    with database.transaction() as session:
        (row,) = session.exec(select(Webhook)).all()
        assert secret.removeprefix("whsec_") not in row.model_dump_json()
        assert row.role is Role.DISPATCHER
        assert session.exec(select(Alert).where(Alert.kind == AlertKind.RECALL)).first() is None
    assert Severity(row.least_severity) is Severity.NOTICE
