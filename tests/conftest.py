"""A real PostgreSQL for every test, and the API over it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import structlog
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlmodel import Session

from services.app import create_app
from services.audit import service
from services.cli import log_processors
from services.database import Database
from services.jobs.log import LogWriter
from services.settings import Settings
from tests.pristine import PristineDatabase
from tests.world import World, stock

structlog.configure(processors=log_processors())


@pytest.fixture(scope="session")
def pristine() -> Iterator[PristineDatabase]:
    pristine = PristineDatabase()
    yield pristine
    pristine.close()


@pytest.fixture
def database(pristine: PristineDatabase, tmp_path: Path) -> Database:
    """A migrated database with a small world in it, as on its first day.

    Its log is open: a writer of it takes ``tmp_path / "data"`` for its data folder.
    """
    database = pristine.fresh()
    pristine.lay_out_log(tmp_path / "data")
    return database


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """One transaction, committed when the test ends well."""
    with database.transaction() as session:
        yield session


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture(scope="session")
def application(pristine: PristineDatabase) -> FastAPI:
    """Built once: it knows its database and settings by its state alone."""
    return create_app(pristine.fresh())


@pytest.fixture
def api(application: FastAPI, database: Database) -> Iterator[TestClient]:
    """The API over a real database, nobody signed in: pass ``headers=world.bearer("…")``."""
    application.state.database = database
    with TestClient(application, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def anchored(database: Database, tmp_path: Path) -> Database:
    """A log of five leaves, anchored three at first and then two more."""
    with closing(LogWriter(Settings(data_dir=tmp_path / "data"), database)) as writer:
        for names in ("abc", "de"):
            with database.transaction() as session:
                for name in names:
                    stock(session, key=name)
            writer.run_once()
    with database.transaction() as session:
        assert service.anchored_size(session) >= 5
    return database
