"""Durable work, queued inside the caller's transaction: it exists exactly when the write does."""

from weakref import WeakKeyDictionary

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, EnqueueOptions
from sqlmodel import Session

QUEUE_NAME = "medrelay"
# Parts of runs wait here, apart from the runs that wait for them: else those could take all room.
PARTS_QUEUE_NAME = "medrelay-parts"
SCHEMA = "dbos"
# Queued work belongs to this version of the jobs, not to a hash of their source, so that work
# queued before an upgrade is still done after it.
JOBS_VERSION = "1"

_clients: WeakKeyDictionary[sa.Engine, DBOSClient] = WeakKeyDictionary()


def enqueue(session: Session, name: str, subject: str, *, queue_name: str = QUEUE_NAME) -> str:
    """Queue the job ``name`` for ``subject`` and return its id; queueing it twice is once."""
    workflow_id = job_id(name, subject)
    options: EnqueueOptions = {
        "queue_name": queue_name,
        "workflow_name": name,
        "workflow_id": workflow_id,
        "app_version": JOBS_VERSION,
    }
    _client(session).enqueue_in_transaction(session, options, subject)
    return workflow_id


def job_id(name: str, subject: str) -> str:
    """The id of the one job of this name for this subject."""
    return f"{name}:{subject}"


def migrate(url: str) -> None:
    """Bring the queue's own schema up to date; safe to call at any time."""
    DBOS.migrate(url, schema=SCHEMA)


def _client(session: Session) -> DBOSClient:
    bind = session.get_bind()
    engine = bind if isinstance(bind, sa.Engine) else bind.engine
    if engine not in _clients:
        _clients[engine] = DBOSClient(
            system_database_engine=engine, dbos_system_schema=SCHEMA, lazy=True
        )
    return _clients[engine]
