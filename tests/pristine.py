"""One database that is put back between tests: much quicker than a new one for each."""

import shutil
import tempfile
from copy import copy
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session

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
        self._admin = self._connect("postgres")
        self._run(self._admin, *(f"ALTER SYSTEM SET {each}" for each in _HASTE))
        self._run(self._admin, "SELECT pg_reload_conf()")
        template = self._open("template")
        migrate(template)
        queue.migrate(template.url)
        with template.transaction() as session:
            build_world(session)
        self._open_log(template)
        template.close()
        self._world = self._open("world")
        self._keeper = self._copy()

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
        """The database with nothing in it but the small world, whatever was done to it before.

        Each has an engine of its own for whoever remembers or watches one, and yet finds the
        connection warm and the statements compiled that those before it have left.
        """
        self._keeper.execute(_END_OTHERS, {"kept": self._rinse()})
        if not self._is_whole():
            self._keeper.close()
            self._keeper = self._copy()
        self._run(self._keeper, "SELECT pristine.put_back()")
        database = copy(self._world)
        database.engine = self._world.engine.execution_options()
        return database

    def close(self) -> None:
        self._world.close()
        self._keeper.close()
        self._admin.close()
        stop_embedded(self._folder)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _rinse(self) -> int | None:
        """Take back what its last user set on the pool's one connection; its server process's id.

        Where there are more, or somebody has one still, the next test begins with none.
        """
        pool = self._world.engine.pool
        assert isinstance(pool, sa.QueuePool)
        if pool.checkedout() or pool.checkedin() != 1:
            self._world.close()
            return None
        with self._world.engine.connect() as connection:
            connection.exec_driver_sql("RESET ALL")
            # Checks of foreign keys were planned for tables that were as good as empty, and would
            # go through every row of those that the next test fills.
            connection.exec_driver_sql("DISCARD PLANS")
            connection.commit()
            # With the rollback at the end the driver forgets what was planned for fuller tables.
            found: int = connection.exec_driver_sql(_RINSE).scalar_one()
        return found

    def _copy(self) -> sa.Connection:
        """Make a new copy of the template, with its rows kept aside in a schema of their own."""
        self._world.close()
        self._run(self._admin, "DROP DATABASE IF EXISTS world WITH (FORCE)")
        self._run(self._admin, "CREATE DATABASE world TEMPLATE template")
        keeper = self._connect("world")
        tables = [str(name) for name in keeper.scalars(sa.text(_TABLES))]
        filled = {
            name: f'pristine."{name}"'
            for name in tables
            if keeper.scalar(sa.text(f"SELECT EXISTS (SELECT FROM {name})"))
        }
        put_back = [
            # With few rows in each, this is ten times as quick as TRUNCATE.
            *(f"DELETE FROM {name};" for name in tables),
            *(
                f"INSERT INTO {name} OVERRIDING SYSTEM VALUE TABLE {kept};"
                for name, kept in filled.items()
            ),
        ]
        self._run(
            keeper,
            "CREATE SCHEMA pristine",
            *(f"CREATE TABLE {kept} AS TABLE {name}" for name, kept in filled.items()),
            # A function's statements are planned once.
            "CREATE FUNCTION pristine.put_back() RETURNS void LANGUAGE plpgsql "
            f"SET session_replication_role = replica AS $$ BEGIN {' '.join(put_back)} END $$",
        )
        self._marks = keeper.execute(_MARKS).one()
        return keeper

    def _is_whole(self) -> bool:
        """Whether no test broke the guards, as those do that see them missed."""
        marks = self._keeper.execute(_MARKS).one()
        if marks != self._marks:
            with Session(self._keeper) as session:
                if missing_guards(session):
                    return False
            self._marks = marks
        return True

    def _open(self, name: str) -> Database:
        return Database(self.server.set(database=name).render_as_string(hide_password=False))

    def _connect(self, name: str) -> sa.Connection:
        engine = sa.create_engine(
            self.server.set(database=name),
            isolation_level="AUTOCOMMIT",
            poolclass=sa.NullPool,
        )
        return engine.connect()

    def _run(self, connection: sa.Connection, *statements: str) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)


_TABLES = """
    SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname IN ('public', 'dbos') AND tablename NOT IN ('alembic_version',
        'dbos_migrations')
    ORDER BY 1
"""
# A session's locks outlive its transactions.
_RINSE = "SELECT pg_backend_pid() FROM pg_advisory_unlock_all()"
_END_OTHERS = sa.text("""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname IN ('world', 'template') AND pid <> pg_backend_pid()
        AND pid IS DISTINCT FROM :kept
""")
# They change whenever a trigger is made, altered or dropped, or a guard's function is.
_MARKS = sa.text("""
    SELECT (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_trigger),
        (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_proc
            WHERE proname LIKE 'medrelay%')
""")
