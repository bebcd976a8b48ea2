"""The database's own guards: whatever a program does, the journal is only ever added to."""

import sqlalchemy as sa
from sqlmodel import Session

JOURNAL = ("commodity", "account", "lot", "entry", "move", "leaf")
# What was anchored and signed is kept like the journal itself.
LOG = ("anchor", "signed_checkpoint", "log_contract")
APPEND_ONLY = (*JOURNAL, *LOG)
# The same, since a later revision.
ANCHORING = ("anchor_batch", "log_key")

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


def append_only(*tables: str) -> list[str]:
    """The statements that let tables only ever be added to."""
    return [
        f"CREATE TRIGGER {trigger} BEFORE {when} ON {table} "
        f"FOR EACH {each} EXECUTE FUNCTION medrelay_refuse_change()"
        for table in tables
        for trigger, when, each in (
            ("append_only", "UPDATE OR DELETE", "ROW"),
            ("no_truncate", "TRUNCATE", "STATEMENT"),
        )
    ]


# A reorganisation may move a batch to another block until it is final, and nothing else of it.
CREATE_ANCHORING = [
    """
    CREATE FUNCTION medrelay_refuse_anchor_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'UPDATE' OR OLD.state = 'final'
            OR (NEW.size, NEW.first_index, NEW.root, NEW.chain_id, NEW.contract, NEW.anchored_at)
            IS DISTINCT FROM
            (OLD.size, OLD.first_index, OLD.root, OLD.chain_id, OLD.contract, OLD.anchored_at) THEN
            RAISE EXCEPTION '% on anchor refused: once final it is append-only', TG_OP
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    "DROP TRIGGER append_only ON anchor",
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON anchor
    FOR EACH ROW EXECUTE FUNCTION medrelay_refuse_anchor_change()
    """,
    *append_only(*ANCHORING),
]

DROP_ANCHORING = [
    "DROP TRIGGER append_only ON anchor",
    "DROP FUNCTION medrelay_refuse_anchor_change()",
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON anchor
    FOR EACH ROW EXECUTE FUNCTION medrelay_refuse_change()
    """,
]

# What is read of the log, since a later revision; and who changed what, since a later one still.
TILES = ("tile_part", "cosignature")
HISTORY = ("change",)
# Which lots are recalled: as the statements that say so.
STOPS = ("lot_stop", "stop_lifted")
CREATE_TILES = append_only(*TILES)

DROP = [
    *(
        f"DROP TRIGGER {trigger} ON {table}"
        for table in (*APPEND_ONLY, "balance")
        for trigger in ("append_only", "no_truncate")
    ),
    "DROP FUNCTION medrelay_refuse_change()",
    "DROP FUNCTION medrelay_refuse_decrease()",
]


# PostgreSQL's bits of a trigger: for each row, before, delete, update, truncate.
_ROW, _BEFORE, _DELETE, _UPDATE, _TRUNCATE = 1, 2, 8, 16, 32
_WHEN = {"append_only": _ROW | _BEFORE | _DELETE | _UPDATE, "no_truncate": _BEFORE | _TRUNCATE}
_FUNCTIONS = {
    "medrelay_refuse_change": CREATE[0],
    "medrelay_refuse_decrease": CREATE[1],
    "medrelay_refuse_anchor_change": CREATE_ANCHORING[0],
}
# Which tables' rows are guarded by a function of their own.
_ROW_GUARDS = {
    "balance": "medrelay_refuse_decrease",
    "anchor": "medrelay_refuse_anchor_change",
}


def missing_guards(session: Session) -> list[str]:
    """Guards that should be on and aren't, as ``table.trigger``; empty when all is well.

    A guard counts only if it is enabled, fires whenever it should, and does what it should.
    """
    rows = session.connection().execute(
        sa.text(
            "SELECT c.relname || '.' || t.tgname, t.tgtype, p.proname, p.prosrc FROM pg_trigger t "
            "JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid "
            "WHERE t.tgenabled IN ('O', 'A') AND t.tgqual IS NULL AND t.tgattr = '' "
            "AND c.relnamespace = current_schema()::regnamespace"
        )
    )
    present = {
        (name, when, function)
        for name, when, function, source in rows
        if _source_of(_FUNCTIONS.get(function, "")) == source
    }
    wanted = {
        (f"{table}.{trigger}", when, _function_of(table, trigger))
        for table in (*APPEND_ONLY, *ANCHORING, *TILES, *HISTORY, *STOPS, "balance")
        for trigger, when in _WHEN.items()
    }
    return sorted(name for name, _, _ in wanted - present)


def _function_of(table: str, trigger: str) -> str:
    if trigger == "append_only":
        return _ROW_GUARDS.get(table, "medrelay_refuse_change")
    return "medrelay_refuse_change"


def _source_of(create_function: str) -> str:
    """What stands between the dollar quotes: the function's source as the database keeps it."""
    return "".join(create_function.split("$$")[1:2])
