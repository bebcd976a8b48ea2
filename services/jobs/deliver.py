"""The messengers: mail and webhooks about alerts, each by a thread of its own.

A slow server holds up its own channel alone. Of several processes, one at a time looks who is to
be told; all of them send.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa
import structlog

from services.alerts import mail, outbox, sending
from services.alerts.sending import Channel
from services.database import Database
from services.settings import Settings

log = structlog.get_logger(__name__)

_AT_A_LOOK = 50


class Messenger(threading.Thread):
    """Sends what is due on one channel, every few seconds, whatever one message comes to."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        channel: Channel,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(name=f"messenger-{channel}", daemon=True)
        self._settings, self._database, self._channel = settings, database, channel
        self._clock = clock
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(self._settings.deliver_every_s):
            try:
                self.look()
            except sa.exc.OperationalError as error:
                log.warning("messenger_waits", channel=self._channel, why=str(error))
            except Exception:
                log.exception("messenger_stopped_short", channel=self._channel)

    def look(self) -> int:
        """Find out who is to be told, and send what is due; how many messages were settled."""
        self._prepare()
        done = 0
        while done < _AT_A_LOOK and not self._stopped.is_set() and self._send_one():
            done += 1
        return done

    def stop(self) -> None:
        self._stopped.set()
        if self.is_alive():
            self.join(timeout=30)

    def _prepare(self) -> None:
        now = self._clock()
        with self._database.transaction() as session:
            if session.scalar(_MY_TURN):
                outbox.ask(session, self._settings, now)
                outbox.spread(session, self._settings, now)
                outbox.bundle(session, self._settings, now)

    def _send_one(self) -> bool:
        if self._channel is Channel.MAIL and not mail.is_on(self._settings):
            return False
        with self._database.transaction() as session:
            taken = sending.take(session, self._settings, self._channel, self._clock())
        if taken is None:
            return False
        outcome = taken.send()
        with self._database.transaction() as session:
            state = sending.settle(session, taken, outcome, self._clock())
        if not outcome.sent:
            told = {"message": str(taken.message_id), "state": state.value, "why": outcome.answer}
            log.warning("message_not_sent", **told)
        return True


_MY_TURN = sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended('alerts/outbox', 0))")
