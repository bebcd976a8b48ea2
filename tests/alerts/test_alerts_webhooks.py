"""Webhooks through a real HTTP server on loopback: signed, repeated, and never led astray."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select
from standardwebhooks import Webhook as Receiver

from services.alerts import signing
from services.alerts.models import Alert, AlertKind, Severity
from services.alerts.sending import Channel
from services.alerts.service import close_alert, close_others
from services.alerts.signing import headers_of
from services.alerts.telling_models import Webhook
from services.database import Database
from services.jobs.deliver import Messenger
from services.parties.models import Role
from services.settings import PROJECT_ROOT, Settings, get_settings
from tests.alerts.http_server import Received, http_server
from tests.alerts.raised import late_shipment
from tests.alerts.test_alerts_api import Client
from tests.world import World

# What tests put into the outbox is due by then.
NOW = datetime.now(UTC) + timedelta(hours=1)


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
    secrets, stamp = [hook["secret"]], int(again["webhook-timestamp"])
    fresh = headers_of(secrets, headers["webhook-id"], stamp, body)
    assert headers_of(secrets, headers["webhook-id"], int(NOW.timestamp()), body) == {
        name: headers[name] for name in fresh
    }
    assert verify_by_the_docs(hook["secret"], headers | fresh, body) == event
    assert Receiver(hook["secret"]).verify(body, headers | fresh) == event
    for wrong in (headers, headers | fresh | {"webhook-id": "msg_x"}):
        with pytest.raises(ValueError):
            verify_by_the_docs(hook["secret"], wrong, body)
    with pytest.raises(ValueError):
        verify_by_the_docs(hook["secret"], headers | fresh, body + b" ")


def test_the_signature_is_that_of_the_standards_example() -> None:
    """The vector with which Standard Webhooks tests its libraries (test_sign_function)."""
    headers = headers_of(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
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
    desk.post(f"webhooks/{hook['id']}/secret", {"version": 2}, 409)
    assert "webhook-signature" in headers


@pytest.mark.parametrize("at_once", [False, True])
def test_for_a_day_two_secrets_sign_unless_one_is_to_end_at_once(
    clients: Any, receiver: Received, look: Callable[..., int], at_once: bool
) -> None:
    desk = clients("dispatcher")
    hook = registered(desk, receiver.port)
    path = f"webhooks/{hook['id']}"
    newer = desk.post(f"{path}/secret", {"version": 1, "at_once": at_once})
    assert newer["secret"] != hook["secret"]
    desk.post(f"{path}/secret", {"version": 1}, 409)
    for hours in (0, 25):
        desk.post(f"{path}/test", {"id": str(uuid4())}, 202)
        assert look(hours=hours) == 1
        _, headers, body = receiver.posts[-1]
        old, new = (
            headers_of(
                [each["secret"]], headers["webhook-id"], int(headers["webhook-timestamp"]), body
            )["webhook-signature"]
            for each in (hook, newer)
        )
        both = not at_once and hours == 0
        assert headers["webhook-signature"].split(" ") == ([new, old] if both else [new])


def test_who_was_told_hears_when_it_is_over(
    clients: Any, database: Database, receiver: Received, look: Callable[..., int]
) -> None:
    registered(clients("dispatcher"), receiver.port)
    registered(clients("hospital"), receiver.port, kinds=["recall"])
    with database.transaction() as session:
        alert = late_shipment(session)
    assert look() == 1
    for _ in range(2):
        with database.transaction() as session:
            close_alert(session, AlertKind.SHIPMENT_LATE, "shipment:1")
            # Raised and over between two looks: nobody hears of either.
            late_shipment(session, "shipment:2")
            close_others(session, AlertKind.SHIPMENT_LATE, [])
        look()
    raised, closed = (json.loads(body) for _, _, body in receiver.posts)
    assert (raised["type"], closed["type"]) == ("alert.raised", "alert.closed")
    assert raised["data"]["id"] == closed["data"]["id"] == str(alert.id)
    assert raised["data"]["closed_at"] is None
    assert closed["timestamp"] == closed["data"]["closed_at"]
    assert len({headers["webhook-id"] for _, headers, _ in receiver.posts}) == 2


def test_who_may_have_been_told_hears_of_the_end_alone(
    clients: Any, database: Database, receiver: Received, look: Callable[..., int]
) -> None:
    """An answer that got lost: the first message is left out, the end is sent."""
    registered(clients("dispatcher"), receiver.port)
    receiver.status = 500
    with database.transaction() as session:
        late_shipment(session)
    assert look() == 1
    receiver.status = 204
    with database.transaction() as session:
        close_alert(session, AlertKind.SHIPMENT_LATE, "shipment:1")
    assert look(hours=1) == 2
    assert [json.loads(body)["type"] for *_, body in receiver.posts] == [
        "alert.raised",
        "alert.closed",
    ]


@pytest.mark.parametrize("act", ["secret", "test", "enable", "remove"])
@pytest.mark.parametrize(
    ("registrar", "who", "status"),
    [
        ("dispatcher", "dispatcher", 200),
        ("dispatcher", "admin", 200),
        ("dispatcher", "approver", 403),
        ("dispatcher", "auditor", 403),
        ("dispatcher", "hospital", 404),
        ("approver", "dispatcher", 403),
        ("admin", "dispatcher", 403),
        ("admin", "approver", 403),
        ("hospital", "hospital", 200),
        ("hospital", "admin", 404),
    ],
)
def test_a_webhook_is_changed_by_who_may_see_what_it_is_told(
    clients: Any, receiver: Received, act: str, registrar: str, who: str, status: int
) -> None:
    hook = registered(clients(registrar), receiver.port)
    body = {"secret": {"version": 1}, "test": {"id": str(uuid4())}}.get(act, {})
    done = 202 if act == "test" and status == 200 else status
    clients(who).post(f"webhooks/{hook['id']}/{act}", body, done)
    now = clients(registrar).get(f"webhooks/{hook['id']}")
    changed = (now["secret_version"], now["removed_at"] is None)
    if status == 200:
        assert changed == {"secret": (2, True), "remove": (1, False)}.get(act, (1, True))
    else:
        assert changed == (1, True)
        assert clients(registrar).get(f"webhooks/{hook['id']}/messages") == []


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
