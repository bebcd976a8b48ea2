"""A whole SMTP server (aiosmtpd) on loopback that keeps what it is given, or refuses it."""
# ruff: noqa: N802 — aiosmtpd finds its hooks by these names

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope


@dataclass
class Mailbox:
    """What came, and what the server answers: by command, or by recipient."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [self.answers["EHLO"]] if "EHLO" in self.answers else responses

    async def handle_HELO(self, server: Any, session: Any, envelope: Any, hostname: str) -> str:
        session.host_name = hostname
        return self.answers.get("EHLO", "250 test")

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 ok")

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address not in self.refused:
            envelope.rcpt_tos.append(address)
        return self.refused.get(address, "250 ok")

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        answer = self.answers.get("DATA", "250 kept")
        if answer.startswith("2"):
            assert isinstance(envelope.content, bytes)
            self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return answer


class _Server(Controller):
    """On a port that was free and is held from the beginning."""

    def __init__(self, box: Mailbox, **how: Any) -> None:
        self._held = socket.create_server(("127.0.0.1", 0))
        box.port = self._held.getsockname()[1]
        super().__init__(box, "127.0.0.1", box.port, server_hostname="test", **how)

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._held, ssl=self.ssl_context)


@contextmanager
def smtp_server(**how: Any) -> Iterator[Mailbox]:
    """``how``: aiosmtpd's ``ssl_context`` (TLS at once), ``tls_context`` (STARTTLS) and so on."""
    box = Mailbox()
    server = _Server(box, **how)
    server.start()
    try:
        yield box
    finally:
        server.stop()


def signs_in(user: str, password: str) -> Any:
    """A server's check of a name and a password."""

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == (user, password), handled=False)

    return check


def server_tls(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
