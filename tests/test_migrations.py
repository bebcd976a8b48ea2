"""The migrations make exactly the tables that the models describe."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic.config import main

from services.database import Database
from services.settings import PROJECT_ROOT, get_settings


@pytest.fixture
def named(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The database that the settings name, which is the one that alembic's command opens."""
    monkeypatch.setenv("MEDRELAY_DATABASE_URL", database.url)
    monkeypatch.chdir(PROJECT_ROOT)
    get_settings.cache_clear()
    yield database
    get_settings.cache_clear()


def run(database: Database, statement: str) -> None:
    with database.engine.begin() as connection:
        connection.execute(sa.text(statement))


def test_the_migrations_leave_nothing_to_do(named: Database) -> None:
    main(["check"])
    run(named, "ALTER TABLE fund ALTER COLUMN name_en DROP NOT NULL")
    try:
        with pytest.raises(SystemExit):
            main(["check"])
    finally:
        run(named, "ALTER TABLE fund ALTER COLUMN name_en SET NOT NULL")
