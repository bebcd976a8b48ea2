"""Addresses are confirmed by who reads them, mail is stopped from itself, and lines are sealed."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from services.alerts.mail_links import LinkPurpose, mail_link
from services.alerts.sending import Channel
from services.alerts.telling_models import AlertMessage, MessageState
from services.database import Database
from services.jobs.deliver import Messenger
from services.parties.models import User
from tests.alerts.http_server import certificate_for
from tests.alerts.raised import late_shipment
from tests.alerts.smtp_server import Mailbox, server_tls, signs_in, smtp_server
from tests.alerts.test_alerts_mail import mail_settings, reachable
from tests.world import World, user_id

ADDRESS = "ward7@example.org"


def link_in(mail: Any, purpose: str) -> str:
    """The path of a link in a mail: tests have no host of that name."""
    found = re.search(rf"https://\S+/alerts/mail/{purpose}/\S+", mail.get_content())
    assert found is not None
    return urlsplit(found[0]).path


def test_nothing_but_the_question_goes_to_an_address_before_its_reader_confirms_it(
    api: TestClient, clients: Any, database: Database, box: Mailbox, look: Callable[..., int]
) -> None:
    hospital = clients("hospital")
    hospital.put("email", {"email": ADDRESS, "language": "zh"})
    with database.transaction() as session:
        late_shipment(session, "shipment:1")
    assert look() == 1
    assert look(minutes=10) == 0
    (question,) = box.mails
    assert (question["To"], question["Subject"]) == (ADDRESS, "这是您的邮箱吗？")
    assert question["List-Unsubscribe"] is None
    path = link_in(question, "confirm")
    assert path.startswith("/zh/")
    # Programs open links by themselves: that alone confirms nothing.
    assert ADDRESS in api.get(path).text
    assert hospital.get("email")["confirmed"] is False
    for _ in range(2):
        assert api.post(path).status_code == 200
        assert hospital.get("email")["confirmed"] is True
    with database.transaction() as session:
        late_shipment(session, "shipment:2")
    assert look(minutes=20) == 1
    assert box.mails[-1]["Subject"].startswith("警告：")


@pytest.mark.parametrize("spoil", ["cut", "stretched", "of another", "other purpose", "too late"])
def test_a_link_confirms_what_it_was_sent_to_and_for_a_week(
    api: TestClient, clients: Any, database: Database, spoil: str
) -> None:
    clients("hospital").put("email", {"email": ADDRESS})
    with database.transaction() as session:
        user = session.get_one(User, user_id("hospital"))
        purpose = LinkPurpose.STOP if spoil == "other purpose" else LinkPurpose.CONFIRM
        since = datetime.now(UTC) - timedelta(days=7 if spoil == "too late" else 0, seconds=1)
        path = urlsplit(mail_link(mail_settings(1), purpose, user, "en", since)).path
    path = {"cut": path[:-3], "stretched": f"{path}AAAA"}.get(spoil, path)
    path = path.replace("/stop/", "/confirm/")
    if spoil == "of another":
        clients("hospital").put("email", {"email": "other@example.org"})
    for answer in (api.get(path), api.post(path)):
        assert answer.status_code == 404
        assert "This link does nothing any more" in answer.text
    assert clients("hospital").get("email")["confirmed"] is False


@pytest.mark.parametrize("token", ["x", "ü", "%00", "A" * 75, "A" * 2000, "-_" * 40])
def test_a_link_that_never_was_ours_opens_nothing(api: TestClient, token: str) -> None:
    for purpose in LinkPurpose:
        assert api.get(f"/en/alerts/mail/{purpose}/{token}").status_code == 404
    assert api.get(f"/en/alerts/mail/weather/{token}").status_code in {404, 422}


def test_saved_again_it_is_asked_again_but_not_for_ever(
    clients: Any, box: Mailbox, look: Callable[..., int]
) -> None:
    hospital = clients("hospital")
    for at in range(10):
        hospital.put("email", {"email": ADDRESS})
        assert look(minutes=at) == 1
    hospital.put("email", {"email": ADDRESS}, 409)
    hospital.put("email", {"email": "other@example.org"}, 409)
    assert look(hours=1) == 0
    assert len(box.mails) == 10
    hospital.put("email", {})
    assert hospital.get("email")["email"] is None


def test_an_administrator_vouches_for_an_address_and_nobody_else_does(
    api: TestClient, world: World, clients: Any, look: Callable[..., int]
) -> None:
    body = {"email": ADDRESS, "language": "zh", "confirmed": True}
    for who in ("hospital", "dispatcher", "auditor"):
        clients(who).put("users/hospital/email", body, 403)
    clients("admin").put("users/nobody/email", body, 404)
    assert clients("admin").put("users/hospital/email", body)["confirmed"] is True
    assert clients("hospital").get("email")["confirmed"] is True
    assert look() == 0
    # Another address is another question, which the page lets an administrator answer.
    clients("hospital").put("email", {"email": "other@example.org"})
    confirm, headers = "/en/people/hospital/email-confirmed", world.bearer("admin")
    assert "other@example.org" in api.get("/en/people", headers=headers).text
    for shown, confirmed in ((ADDRESS, False), ("other@example.org", True)):
        api.post(confirm, data={"email": shown}, headers=headers)
        assert clients("hospital").get("email")["confirmed"] is confirmed
    assert (
        api.post(confirm, data={"email": ADDRESS}, headers=world.bearer("auditor")).status_code
        == 403
    )


def test_a_mail_can_be_stopped_from_itself(
    api: TestClient, clients: Any, database: Database, box: Mailbox, look: Callable[..., int]
) -> None:
    with database.transaction() as session:
        reachable(session, "hospital")
        late_shipment(session, "shipment:1")
    assert look() == 1
    (mail,) = box.mails
    path = link_in(mail, "stop")
    assert mail["List-Unsubscribe"].endswith(f"{path}>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    box.answers = {"MAIL": "451 later"}
    with database.transaction() as session:
        late_shipment(session, "shipment:2")
    assert look(minutes=1) == 1
    assert api.get(path).status_code == 200
    assert clients("hospital").get("alert-subscription")["means"] == "at_once"
    # As a mail program sends it whose reader presses its own button.
    one_click = {"List-Unsubscribe": "One-Click"}
    for _ in range(2):
        assert api.post(path, data=one_click).status_code == 200
    assert clients("hospital").get("alert-subscription")["means"] == "page"
    with database.transaction() as session:
        states = {row.state for row in session.exec(select(AlertMessage))}
    assert states == {MessageState.SENT, MessageState.DROPPED}
    # An address that isn't theirs any more stops nothing.
    clients("hospital").put("email", {"email": "other@example.org"})
    assert api.post(path, data=one_click).status_code == 404


@pytest.fixture
def certificate(tmp_path: Path) -> str:
    return str(certificate_for("localhost", tmp_path))


@pytest.mark.parametrize("way", ["starttls", "implicit"])
@pytest.mark.parametrize("trouble", ["", "unknown certificate", "wrong password", "plain"])
def test_mail_goes_through_tls_or_not_at_all(
    database: Database, certificate: str, monkeypatch: pytest.MonkeyPatch, way: str, trouble: str
) -> None:
    """The server's certificate vouches for itself; who is to trust it says so as OpenSSL has it."""
    if trouble != "unknown certificate":
        monkeypatch.setenv("SSL_CERT_FILE", certificate)
    tls = server_tls(certificate)
    # What is sealed from the first byte, the server itself doesn't know to be so.
    how = {
        "starttls": {"tls_context": tls, "require_starttls": True, "auth_required": True},
        "implicit": {"ssl_context": tls, "auth_require_tls": False},
    }[way] | {"authenticator": signs_in("relay", "right")}
    with smtp_server(**({} if trouble == "plain" else how)) as box:
        settings = mail_settings(
            box.port,
            smtp_host="localhost",
            smtp_starttls=way == "starttls",
            smtp_implicit_tls=way == "implicit",
            smtp_user="relay",
            smtp_password="wrong" if trouble == "wrong password" else "right",
        )
        with database.transaction() as session:
            reachable(session, "hospital")
            late_shipment(session)
        assert Messenger(settings, database, Channel.MAIL).look() == 1
    with database.transaction() as session:
        (row,) = session.exec(select(AlertMessage)).all()
    assert (row.state, len(box.mails)) == (
        (MessageState.QUEUED, 0) if trouble else (MessageState.SENT, 1)
    )
