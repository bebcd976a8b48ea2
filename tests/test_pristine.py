"""What one test does to the database, the next one doesn't find."""

import sqlalchemy as sa
from sqlmodel import Session, select

from services.catalog.models import Item
from services.database import Database
from services.journal.guards import missing_guards
from services.journal.models import Entry
from tests.pristine import PristineDatabase
from tests.world import ITEMS, stock

DROP_GUARD = "DROP TRIGGER append_only ON entry"
SPOIL_GUARD = (
    "CREATE OR REPLACE FUNCTION medrelay_refuse_change() RETURNS trigger LANGUAGE plpgsql "
    "AS $$ BEGIN RETURN NEW; END $$"
)
PREPARED = "SELECT count(*) FROM pg_prepared_statements"
LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"


def run(database: Database, statement: str) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql(statement)


def ask(database: Database, statement: str) -> object:
    with database.engine.connect() as connection:
        return connection.exec_driver_sql(statement).scalar_one()


def test_what_was_written_is_gone_and_what_was_taken_is_back(pristine: PristineDatabase) -> None:
    with pristine.fresh().transaction() as session:
        stock(session)
        session.connection().execute(sa.text("UPDATE item SET name_en = 'other'"))
    with pristine.fresh().transaction() as session:
        assert session.exec(select(Entry)).first() is None
        assert {item.name_en for item in session.exec(select(Item))} == set(ITEMS)


def test_a_guard_that_was_dropped_or_spoilt_is_back(pristine: PristineDatabase) -> None:
    for broken in (DROP_GUARD, SPOIL_GUARD):
        run(pristine.fresh(), broken)
        with Session(pristine.fresh().engine) as session:
            assert missing_guards(session) == []


def test_nothing_stays_of_a_session(pristine: PristineDatabase) -> None:
    database = pristine.fresh()
    usual = ask(database, "SHOW lock_timeout")
    run(database, "SET lock_timeout = '7s'")
    run(database, "SELECT pg_advisory_lock(1)")
    database = pristine.fresh()
    assert ask(database, "SHOW lock_timeout") == usual != "7s"
    assert ask(database, LOCKS) == 0


def test_no_plan_stays_that_was_made_for_other_rows(pristine: PristineDatabase) -> None:
    database = pristine.fresh()
    with database.engine.begin() as connection:
        for number in range(20):
            connection.exec_driver_sql("SELECT %s::int", (number,))
        assert connection.exec_driver_sql(PREPARED).scalar_one() == 1
    assert ask(pristine.fresh(), PREPARED) == 0


def test_whoever_is_still_at_work_is_cut_off(pristine: PristineDatabase) -> None:
    database = pristine.fresh()
    with database.engine.connect() as left_open:
        left_open.exec_driver_sql("LOCK TABLE entry")
        assert ask(pristine.fresh(), "SELECT count(*) FROM entry") == 0
        left_open.invalidate()


def test_each_has_an_engine_of_its_own(pristine: PristineDatabase) -> None:
    assert pristine.fresh().engine is not pristine.fresh().engine
