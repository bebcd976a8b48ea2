"""An empty database, and the API with its jobs over it, for driving a scenario."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from fastapi.testclient import TestClient

from ledger.embedded import EmbeddedChain
from services import queue
from services.app import create_app
from services.database import Database, migrate
from services.jobs.check import check_everything
from services.jobs.runtime import Jobs
from services.scenarios.load import load
from services.scenarios.scenario import Scenario
from services.settings import Settings
from tests.pristine import PristineDatabase


@contextmanager
def empty_database(pristine: PristineDatabase) -> Iterator[Database]:
    """A migrated database with nothing in it."""
    name = f"test_{uuid4().hex}"
    server = sa.create_engine(
        pristine.server.set(database="postgres"), isolation_level="AUTOCOMMIT"
    )
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    url = pristine.server.set(database=name).render_as_string(hide_password=False)
    database = Database(url)
    migrate(database)
    queue.migrate(url)
    yield database
    database.close()
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@contextmanager
def on_stage(database: Database, scenario: Scenario, folder: Path) -> Iterator[TestClient]:
    """The API over the scenario's reference data, jobs beside it; in the end everything agrees."""
    settings = Settings(data_dir=folder / "data", anchor_every_s=1)
    with database.transaction() as session:
        load(session, scenario)
    jobs = Jobs(settings, database)
    jobs.start()
    try:
        with TestClient(create_app(database)) as client:
            yield client
    finally:
        jobs.stop()
    with (
        closing(EmbeddedChain(settings.data_dir / "chain", read_only=True)) as chain,
        database.transaction() as session,
    ):
        assert list(check_everything(session, chain)) == []
