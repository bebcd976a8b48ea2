"""Alembic's environment: one database, our own metadata, nothing of the job queue's schema."""

import sqlalchemy as sa
from alembic import context
from sqlmodel.sql.sqltypes import AutoString

from services.database import open_database
from services.settings import get_settings
from services.tables import metadata


def render_plainly(kind: str, thing: object, _context: object) -> str | bool:
    """Write text columns as what they are in the database, without enums' present members."""
    if kind == "type" and isinstance(thing, AutoString):
        return "sa.String()"
    if kind == "type" and isinstance(thing, sa.Enum):
        return f"sa.String({thing.length})"
    return False


def run() -> None:
    """Migrate in one transaction; two processes that start together take turns."""
    url = context.config.attributes.get("url")
    engine = sa.create_engine(url) if url else open_database(get_settings()).engine
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": 0xA1E8})
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
            render_item=render_plainly,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
