"""A real SMTP server on loopback, and who looks after what is to be sent."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.alerts.sending import Channel
from services.database import Database
from services.jobs.deliver import Messenger
from tests.alerts.smtp_server import Mailbox, smtp_server
from tests.alerts.test_alerts_api import Client
from tests.alerts.test_alerts_mail import mail_settings
from tests.world import World


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with smtp_server() as box:
        yield box


@pytest.fixture
def look(database: Database, box: Mailbox) -> Callable[..., int]:
    """One look of the messenger, so long after now."""

    def look(**after: float) -> int:
        clock = lambda: datetime.now(UTC) + timedelta(**after)  # noqa: E731
        return Messenger(mail_settings(box.port), database, Channel.MAIL, clock).look()

    return look


@pytest.fixture
def clients(api: TestClient, world: World) -> Any:
    return lambda username: Client(api, world, username)
