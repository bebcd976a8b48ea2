"""One database that is put back between tests: much quicker than a new one for each."""

import shutil
import tempfile
from pathlib import Path

import sqlalchemy as sa

from services import queue
from services.database import Database, embedded_url, migrate, stop_embedded
from services.jobs.log import LogWriter
from services.journal.guards import missing_guards
from services.settings import Settings
from tests.world import build_world

# Tests write little and lose nothing if the machine stops.
_HASTE = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")


class PristineDatabase:
    """A migrated database with the small world in it, handed out as on its first day."""

    def __init__(self) -> None:
        # Not in pytest's own folder: that is closed to the user as whom root runs the server.
        self._folder = Path(tempfile.mkdtemp(prefix="medrelay-tests-"))
        self.server = sa.make_url(embedded_url(self._folder, "template"))
        self._run("postgres", *(f"ALTER SYSTEM SET {each}" for each in _HASTE))
        self._run("postgres", "SELECT pg_reload_conf()")
        database = self._open("template")
        migrate(database)
        queue.migrate(database.url)
        with database.transaction() as session:
            build_world(session)
        self._open_log(database)
        database.close()
        self._copy()

    def lay_out_log(self, data_dir: Path) -> None:
        """Put a copy of the log's chain and keys, as on its first day, into a data folder.

        The small world's entries are bound to this chain; another one is refused.
        """
        shutil.copytree(self._folder / "log", data_dir, dirs_exist_ok=True)

    def _open_log(self, database: Database) -> None:
        writer = LogWriter(Settings(data_dir=self._folder / "log"), database)
        writer.claim()
        writer.close()

    def fresh(self) -> Database:
        """The database with nothing in it but the small world, whatever was done to it before."""
        self._run("postgres", _END_OTHERS)
        if not self._is_whole():
            self._copy()
        self._run(
            "world",
            "SET session_replication_role = replica",
            # With few rows in each, this is ten times as quick as TRUNCATE.
            "; ".join([*(f"DELETE FROM {table}" for table in self._tables), *self._refill]),
        )
        return self._open("world")

    def close(self) -> None:
        stop_embedded(self._folder)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _copy(self) -> None:
        """A new copy of the template, with its rows kept aside in a schema of their own."""
        self._run(
            "postgres", "DROP DATABASE IF EXISTS world", "CREATE DATABASE world TEMPLATE template"
        )
        database = self._open("world")
        with database.engine.connect() as connection:
            self._tables = [str(name) for name in connection.scalars(sa.text(_TABLES))]
            filled = [
                name
                for name in self._tables
                if connection.scalar(sa.text(f"SELECT EXISTS (SELECT FROM {name})"))
            ]
        database.close()
        kept = {name: f'pristine."{name}"' for name in filled}
        self._run(
            "world",
            "CREATE SCHEMA pristine",
            *(f"CREATE TABLE {copy} AS TABLE {name}" for name, copy in kept.items()),
        )
        self._refill = [
            f"INSERT INTO {name} OVERRIDING SYSTEM VALUE TABLE {copy}"
            for name, copy in kept.items()
        ]

    def _is_whole(self) -> bool:
        """Whether no test broke the guards, as those do that see them missed."""
        database = self._open("world")
        with database.transaction() as session:
            whole = not missing_guards(session)
        database.close()
        return whole

    def _open(self, name: str) -> Database:
        return Database(self.server.set(database=name).render_as_string(hide_password=False))

    def _run(self, name: str, *statements: str) -> None:
        engine = sa.create_engine(
            self.server.set(database=name),
            isolation_level="AUTOCOMMIT",
            poolclass=sa.NullPool,
        )
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))


_TABLES = """
    SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname IN ('public', 'dbos') AND tablename NOT IN ('alembic_version',
        'dbos_migrations')
    ORDER BY 1
"""
_END_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname IN ('world', 'template') AND pid <> pg_backend_pid()
"""
