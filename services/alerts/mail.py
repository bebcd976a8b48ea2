"""Mail about alerts: plain text in the reader's language, handed to a server by SMTP (RFC 5321)."""

import smtplib
import ssl
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
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


def alert_mail(
    settings: Settings, message_id: UUID, to: str, language: str, alert: AlertOut, at: datetime
) -> EmailMessage:
    """The mail about one alert; ``message_id`` is its row's, so a repeat is recognisable."""
    module = environment(language).get_template("alert_mail.html").module
    title = plain(module.subject(alert))  # type: ignore[attr-defined]
    subject = f"{title}: {alert.says}"
    text = module.alert(alert, link(settings, language, alert.path), _own(settings, language))  # type: ignore[attr-defined]
    cut = subject if len(subject) <= _MOST_SAID else subject[:_MOST_SAID] + "…"
    return _mail(settings, message_id, to, cut, text, at)


def digest_mail(
    settings: Settings,
    message_id: UUID,
    to: str,
    language: str,
    alerts: Sequence[AlertOut],
    at: datetime,
) -> EmailMessage:
    """One mail about many alerts: those that are still so, and how many aren't any more."""
    module = environment(language).get_template("alert_mail.html").module
    lines = [
        (each, link(settings, language, each.path)) for each in alerts if each.closed_at is None
    ]
    subject = plain(module.digest_subject(len(alerts)))  # type: ignore[attr-defined]
    text = module.digest(lines, len(alerts) - len(lines), _own(settings, language))  # type: ignore[attr-defined]
    return _mail(settings, message_id, to, subject, text, at)


def link(settings: Settings, language: str, path: str) -> str:
    return f"{settings.pages_url}/{language}{path}"


def send(settings: Settings, mail: EmailMessage) -> None:
    """Hand one mail over.

    Raises:
        MailRefused: the server didn't take it, or isn't there.

    """
    assert settings.smtp_host is not None
    try:
        with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_S) as server:
            if settings.smtp_starttls:
                server.starttls(context=ssl.create_default_context())
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


def _own(settings: Settings, language: str) -> str:
    return link(settings, language, "/alerts/settings")


def _mail(
    settings: Settings, message_id: UUID, to: str, subject: str, text: object, at: datetime
) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = settings.smtp_from, to, subject
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{message_id}@{urlsplit(settings.pages_url).hostname}>"
    # RFC 3834: nothing should answer this by itself.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(_unescaped(text))
    return mail


def _unescaped(text: object) -> str:
    lines = (plain(line) for line in str(text).strip().splitlines())
    return "\n".join(lines) + "\n"


def _answer(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(text.split())}"[:500].replace("\x00", "")
