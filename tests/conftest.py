"""A real PostgreSQL for every test: one embedded server, one migrated template, a copy a test."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlmodel import Session

from services import queue
from services.app import create_app
from services.database import Database, embedded_url, migrate, stop_embedded
from services.settings import Settings
from tests.world import World, build_world

TEMPLATE = "medrelay_template"


@pytest.fixture(scope="session")
def template_url() -> Iterator[str]:
    # Not in pytest's own folder: that is closed to the user as whom root runs the server.
    folder = Path(tempfile.mkdtemp(prefix="medrelay-tests-"))
    url = embedded_url(folder, TEMPLATE)
    database = Database(url)
    migrate(database)
    queue.migrate(url)
    with database.transaction() as session:
        build_world(session)
    database.close()
    yield url
    stop_embedded(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(template_url: str) -> Iterator[Database]:
    """A migrated database with a small world in it, this test's own."""
    name = f"test_{uuid4().hex}"
    server = sa.create_engine(
        sa.make_url(template_url).set(database="postgres"), isolation_level="AUTOCOMMIT"
    )
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    database = Database(
        sa.make_url(template_url).set(database=name).render_as_string(hide_password=False)
    )
    yield database
    database.close()
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """One transaction, committed when the test ends well."""
    with database.transaction() as session:
        yield session


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def api(database: Database, settings: Settings) -> Iterator[TestClient]:
    """The API over a real database, nobody signed in: pass ``headers=world.bearer("…")``."""
    with TestClient(create_app(settings, database), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def world() -> World:
    return World()
