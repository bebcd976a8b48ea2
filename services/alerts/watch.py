"""The outbox's watch: what was sent goes after a while; what failed stays until somebody sees."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from services.alerts.models import Alert
from services.alerts.telling_models import AlertMessage, MessageState
from services.database import among
from services.settings import get_settings

_AT_A_LOOK = 1000
_SETTLED = (MessageState.SENT, MessageState.DROPPED)


def watch(session: Session, now: datetime) -> None:
    """Delete what was sent or left out long ago, but not while its alert is open.

    Those say who was told of it, and so who is to hear of its end. A digest goes after its lines.
    """
    line = aliased(AlertMessage)
    oldest = now - timedelta(days=get_settings().outbox_days)
    over = select(Alert.id).where(col(Alert.closed_at).is_not(None))
    done = (
        select(AlertMessage.id)
        .where(
            col(AlertMessage.state).in_(_SETTLED),
            col(AlertMessage.settled_at) < oldest,
            col(AlertMessage.alert_id).is_(None) | col(AlertMessage.alert_id).in_(over),
            ~sa.exists().where(col(line.digest_id) == AlertMessage.id),
        )
        .limit(_AT_A_LOOK)
    )
    gone = session.exec(done).all()
    session.connection().execute(sa.delete(AlertMessage).where(among(AlertMessage.id, gone)))
