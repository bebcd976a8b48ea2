"""Mail about alerts: plain text in the reader's language, handed to a server by SMTP (RFC 5321)."""

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from services.alerts.schemas import AlertOut
from services.alerts.words import plain
from services.settings import Settings
from services.web.pages import environment

TIMEOUT_S = 20
_MOST_SAID = 100


class MailRefused(Exception):
    """It wasn't taken. ``for_good``: it never will be; ``address``: nothing is, at that address."""

    def __init__(self, answer: str, *, for_good: bool = False, address: bool = False) -> None:
        super().__init__(answer)
        self.answer, self.for_good, self.address = answer, for_good, address


def is_on(settings: Settings) -> bool:
    """Whether mail is sent at all."""
    return settings.smtp_host is not None


@dataclass(frozen=True, slots=True)
class Reader:
    """To whom a mail goes; ``message_id`` is its row's, so a repeat is recognisable.

    ``stop`` is the page that ends such mail; without one, there is nothing to end.
    """

    message_id: UUID
    to: str
    language: str
    stop: str | None = None


def alert_mail(settings: Settings, reader: Reader, alert: AlertOut, at: datetime) -> EmailMessage:
    """The mail about one alert."""
    words = _words(reader)
    subject = f"{plain(words.subject(alert))}: {alert.says}"
    there = link(settings, reader.language, alert.path)
    text = words.alert(alert, there, _own(settings, reader), reader.stop)
    cut = subject if len(subject) <= _MOST_SAID else subject[:_MOST_SAID] + "…"
    return _mail(settings, reader, cut, text, at)


def digest_mail(
    settings: Settings, reader: Reader, alerts: Sequence[AlertOut], at: datetime
) -> EmailMessage:
    """One mail about many alerts: those that are still so, and how many aren't any more."""
    words = _words(reader)
    lines = [
        (each, link(settings, reader.language, each.path))
        for each in alerts
        if each.closed_at is None
    ]
    over = len(alerts) - len(lines)
    text = words.digest(lines, over, _own(settings, reader), reader.stop)
    return _mail(settings, reader, plain(words.digest_subject(len(alerts))), text, at)


def question_mail(
    settings: Settings, reader: Reader, username: str, confirm: str, at: datetime
) -> EmailMessage:
    """The only mail to an address that isn't confirmed: whether it is ``username``'s."""
    words = _words(reader)
    text = words.question(username, confirm)
    return _mail(settings, reader, plain(words.question_subject()), text, at)


def _words(reader: Reader) -> Any:
    return environment(reader.language).get_template("alert_mail.html").module


def link(settings: Settings, language: str, path: str) -> str:
    return f"{settings.pages_url}/{language}{path}"


def send(settings: Settings, mail: EmailMessage) -> None:
    """Hand one mail over.

    Raises:
        MailRefused: the server didn't take it, or isn't there.

    """
    try:
        with _connected(settings) as server:
            if settings.smtp_user and settings.smtp_password:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
            server.send_message(mail)
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        for_good = code >= 500
        raise MailRefused(_answer(code, said), for_good=for_good, address=for_good) from error
    except smtplib.SMTPDataError as error:
        answer = _answer(error.smtp_code, error.smtp_error)
        raise MailRefused(answer, for_good=error.smtp_code >= 500) from error
    except smtplib.SMTPResponseException as error:
        # Our sender or our password isn't taken: ours to mend, and then it goes.
        raise MailRefused(_answer(error.smtp_code, error.smtp_error)) from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailRefused(f"{type(error).__name__}: {error}") from error


def _connected(settings: Settings) -> smtplib.SMTP:
    """A connection to the server, sealed unless the settings say otherwise."""
    assert settings.smtp_host is not None
    where = (settings.smtp_host, settings.smtp_port)
    if settings.smtp_implicit_tls:
        tls = ssl.create_default_context()
        return smtplib.SMTP_SSL(*where, timeout=TIMEOUT_S, context=tls)
    server = smtplib.SMTP(*where, timeout=TIMEOUT_S)
    if settings.smtp_starttls:
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server


def _own(settings: Settings, reader: Reader) -> str:
    return link(settings, reader.language, "/alerts/settings")


def _mail(
    settings: Settings, reader: Reader, subject: str, text: object, at: datetime
) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = settings.smtp_from, reader.to, subject
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{reader.message_id}@{urlsplit(settings.pages_url).hostname}>"
    # RFC 3834: nothing should answer this by itself.
    mail["Auto-Submitted"] = "auto-generated"
    if reader.stop is not None:
        mail["List-Unsubscribe"] = f"<{reader.stop}>"
        if reader.stop.startswith("https:"):
            # RFC 8058: a mail program's own button does it without opening the page.
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(_unescaped(text))
    return mail


def _unescaped(text: object) -> str:
    lines = (plain(line) for line in str(text).strip().splitlines())
    return "\n".join(lines) + "\n"


def _answer(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(text.split())}"[:500].replace("\x00", "")
