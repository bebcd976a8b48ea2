"""The database's own guards: whatever a program does, the journal is only ever added to."""

import sqlalchemy as sa
from sqlmodel import Session

APPEND_ONLY = ("commodity", "account", "lot", "entry", "move", "leaf")

CREATE = [
    """
    CREATE FUNCTION medrelay_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% on % refused: the journal is append-only', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE FUNCTION medrelay_refuse_decrease() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'UPDATE' OR NEW.inflow < OLD.inflow OR NEW.outflow < OLD.outflow
            OR NEW.account <> OLD.account OR NEW.lot_id <> OLD.lot_id
            OR NEW.may_overdraw <> OLD.may_overdraw THEN
            RAISE EXCEPTION '% on balance refused: its counters only grow', TG_OP
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    *(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION medrelay_refuse_change()"
        for table in APPEND_ONLY
    ),
    *(
        f"CREATE TRIGGER no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION medrelay_refuse_change()"
        for table in (*APPEND_ONLY, "balance")
    ),
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON balance
    FOR EACH ROW EXECUTE FUNCTION medrelay_refuse_decrease()
    """,
]

DROP = [
    *(
        f"DROP TRIGGER {trigger} ON {table}"
        for table in (*APPEND_ONLY, "balance")
        for trigger in ("append_only", "no_truncate")
    ),
    "DROP FUNCTION medrelay_refuse_change()",
    "DROP FUNCTION medrelay_refuse_decrease()",
]


def missing_guards(session: Session) -> list[str]:
    """Guards that should be on and aren't, as ``table.trigger``; empty when all is well."""
    rows = session.connection().execute(
        sa.text(
            "SELECT c.relname || '.' || t.tgname FROM pg_trigger t "
            "JOIN pg_class c ON c.oid = t.tgrelid WHERE t.tgenabled IN ('O', 'A') "
            "AND c.relnamespace = current_schema()::regnamespace"
        )
    )
    present = set(rows.scalars())
    wanted = {
        f"{table}.{trigger}"
        for table in (*APPEND_ONLY, "balance")
        for trigger in ("append_only", "no_truncate")
    }
    return sorted(wanted - present)
