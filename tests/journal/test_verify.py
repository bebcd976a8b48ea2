"""Whoever tampers with the journal behind its guards is told of, by the very thing touched."""

from collections.abc import Callable
from datetime import date
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from services.database import Database
from services.journal.balance_check import unconserved_lots
from services.journal.kinds import EntryKind
from services.journal.post import post, reverse
from services.journal.record import NewLot, NewMove
from services.journal.seal import seal
from services.journal.verify import Difference, check_journal
from tests.journal.drafts import BEDSIDE, DONOR, KEPT, ROAD, SHELF, draft, gift, reservation

LOT = UUID("00000000-0000-4000-8000-000000000001")
GIFT = UUID("00000000-0000-4000-8000-00000000000a")
RESERVED = UUID("00000000-0000-4000-8000-00000000000b")
SENT = UUID("00000000-0000-4000-8000-00000000000c")
GIVEN = UUID("00000000-0000-4000-8000-00000000000d")
WRONG = UUID("00000000-0000-4000-8000-00000000000e")
UNDONE = UUID("00000000-0000-4000-8000-00000000000f")
SNAPSHOT = UUID("00000000-0000-4000-8000-000000000010")


def build_journal(session: Session, *, sealed: bool = True) -> None:
    """A lot's whole way, a reversal, a statement and a hidden field; leaves 0 to 6."""
    lot = NewLot(LOT, "gloves", "donation:1/line:1", "B7", date(2020, 1, 5), date(2022, 1, 5))
    concealed = {"contact": "Zhang Wei"}
    steps = [
        gift(LOT, id=GIFT, lots=[lot], document="donation:1", concealed=concealed),
        reservation(LOT, 300, id=RESERVED),
        draft(EntryKind.DISPATCH, NewMove(LOT, KEPT, ROAD, 200), id=SENT),
        draft(EntryKind.DISBURSE_GOODS, NewMove(LOT, ROAD, BEDSIDE, 150), id=GIVEN),
        reservation(LOT, 7, id=WRONG),
    ]
    for step in steps:
        assert post(session, step).created
        if sealed:
            seal(session)
    reverse(session, WRONG, reversal_id=UNDONE, actor="organisation:RELIEF", reason="a slip")
    post(session, draft(EntryKind.SNAPSHOT, id=SNAPSHOT, facts={"digest": "ab"}))
    if sealed:
        seal(session)


@pytest.fixture
def journal(database: Database) -> Database:
    with database.transaction() as session:
        build_journal(session)
    return database


def tamper(database: Database, *statements: str) -> None:
    """Change rows by hand, with every guard and foreign key off, and on again afterwards."""
    with database.engine.begin() as connection:
        tables = ("commodity", "account", "lot", "entry", "move", "balance", "leaf")
        for table in tables:
            connection.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        for statement in statements:
            assert connection.execute(sa.text(statement)).rowcount != 0, statement
        for table in tables:
            connection.execute(sa.text(f"ALTER TABLE {table} ENABLE TRIGGER ALL"))


def found(database: Database) -> list[Difference]:
    with database.transaction() as session:
        return list(check_journal(session))


def named(database: Database) -> set[tuple[str, str]]:
    return {(difference.what, difference.where) for difference in found(database)}


def test_a_journal_that_nobody_touched_gives_no_difference(journal: Database) -> None:
    assert found(journal) == []


def test_an_empty_journal_gives_no_difference(database: Database) -> None:
    assert found(database) == []


def test_unsealed_entries_are_as_good_as_sealed_ones(database: Database) -> None:
    with database.transaction() as session:
        build_journal(session, sealed=False)
    assert found(database) == []


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("position", [1, 20, 60, 100, 200, 300, 400])
def test_one_changed_byte_names_its_entry_and_nothing_else(
    database: Database, position: int, sealed: bool
) -> None:
    with database.transaction() as session:
        build_journal(session, sealed=sealed)
    change = f"set_byte(body, {position}, get_byte(body, {position}) # 1)"
    tamper(database, f"UPDATE entry SET body = {change} WHERE id = '{RESERVED}'")
    (difference,) = found(database)
    assert difference.where == f"entry {RESERVED}"
    assert difference.what in ({"entry_bytes"} if sealed else {"entry_bytes", "entry_digest"})
    assert difference.expected != difference.found


ONE_THING = [
    (f"entry SET digest = set_byte(digest, 0, 1) WHERE id = '{SENT}'", "entry_digest", SENT),
    (
        f"entry SET content_digest = set_byte(content_digest, 3, 1) WHERE id = '{SENT}'",
        "content_digest",
        SENT,
    ),
    (f"entry SET actor = 'organisation:X' WHERE id = '{SENT}'", "entry_column", f"{SENT}, actor"),
    (
        f"entry SET occurred_at = '2020-01-01Z' WHERE id = '{SENT}'",
        "entry_column",
        f"{SENT}, occurred_at",
    ),
    (
        f"entry SET recorded_at = '2020-01-01Z' WHERE id = '{SENT}'",
        "entry_column",
        f"{SENT}, recorded_at",
    ),
    (f"entry SET kind = 'teleport' WHERE id = '{SENT}'", "entry_column", f"{SENT}, kind"),
    (f"entry SET document = 'd' WHERE id = '{SENT}'", "entry_column", f"{SENT}, document"),
    (f"move SET quantity = 201 WHERE entry_id = '{SENT}'", "move", f"{SENT}, line 1"),
    (
        f"move SET source = 'donor:DONOR1/given' WHERE entry_id = '{SENT}'",
        "move",
        f"{SENT}, line 1",
    ),
]


@pytest.mark.parametrize(("change", "what", "where"), ONE_THING)
def test_one_changed_column_is_named_once(
    journal: Database, change: str, what: str, where: object
) -> None:
    tamper(journal, f"UPDATE {change}")
    assert named(journal) == {(what, f"entry {where}")}


def test_a_balance_is_named_with_both_its_readings(journal: Database) -> None:
    tamper(journal, f"UPDATE balance SET inflow = inflow + 5 WHERE account = '{SHELF}'")
    (difference,) = found(journal)
    assert difference.what == "balance"
    assert difference.sentence == (
        f"balance of {SHELF}, lot {LOT}: what the moves add up to: "
        "expected 1007 in, 307 out, found 1012 in, 307 out"
    )
    with journal.transaction() as session:
        ((lot_id, unconserved),) = unconserved_lots(session.connection())
    assert (lot_id, unconserved.what) == (LOT, "conservation")


def test_a_balance_that_was_removed_or_invented_is_named(journal: Database) -> None:
    tamper(
        journal,
        f"DELETE FROM balance WHERE account = '{BEDSIDE}'",
        f"INSERT INTO balance VALUES ('{DONOR}', '{uuid4()}', 0, 0, true)",
    )
    missing, invented = sorted(found(journal), key=lambda difference: difference.expected)
    assert (missing.where, missing.expected, missing.found) == (
        f"balance of {BEDSIDE}, lot {LOT}",
        "150 in, 0 out",
        "nothing",
    )
    assert (invented.expected, invented.found) == ("nothing", "0 in, 0 out")


def test_a_move_and_its_balances_changed_alike_are_all_named(journal: Database) -> None:
    tamper(
        journal,
        f"UPDATE move SET quantity = 160 WHERE entry_id = '{GIVEN}'",
        f"UPDATE balance SET outflow = 160 WHERE account = '{ROAD}'",
        f"UPDATE balance SET inflow = 160 WHERE account = '{BEDSIDE}'",
    )
    assert named(journal) == {
        ("move", f"entry {GIVEN}, line 1"),
        ("balance", f"balance of {ROAD}, lot {LOT}"),
        ("balance", f"balance of {BEDSIDE}, lot {LOT}"),
    }


def test_an_account_that_was_let_overdraw_is_named(journal: Database) -> None:
    tamper(
        journal,
        f"UPDATE account SET may_overdraw = true WHERE code = '{SHELF}'",
        f"UPDATE balance SET may_overdraw = true WHERE account = '{KEPT}'",
    )
    assert named(journal) == {
        ("account", f"account {SHELF}, may_overdraw"),
        ("balance", f"balance of {SHELF}, lot {LOT}, may_overdraw"),
        ("balance", f"balance of {KEPT}, lot {LOT}, may_overdraw"),
    }


def test_a_leaf_hash_is_named_by_its_index(journal: Database) -> None:
    tamper(journal, "UPDATE leaf SET leaf_hash = set_byte(leaf_hash, 9, 9) WHERE index = 2")
    assert named(journal) == {("leaf_hash", f"leaf 2, of entry {SENT}")}


def test_a_leaf_that_was_removed_leaves_a_gap_that_is_named(journal: Database) -> None:
    tamper(journal, "DELETE FROM leaf WHERE index = 2")
    assert named(journal) == {("leaf_missing", "leaf 2")}
    tamper(journal, "DELETE FROM leaf WHERE index IN (0, 3)")
    assert named(journal) == {("leaf_missing", "leaf 0"), ("leaf_missing", "leaves 2 to 3")}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("expires_on", "'2030-01-05'"),
        ("produced_on", "NULL"),
        ("batch", "'B8'"),
        ("origin", "'donation:2'"),
        ("commodity", "'n95_respirator'"),
    ],
)
def test_a_lot_is_named_with_its_column(journal: Database, column: str, value: str) -> None:
    tamper(journal, f"UPDATE lot SET {column} = {value} WHERE id = '{LOT}'")
    (difference,) = found(journal)
    assert (difference.what, difference.where) == ("lot", f"lot {LOT}, {column}")


def test_an_invented_lot_is_named(journal: Database) -> None:
    invented = uuid4()
    tamper(
        journal,
        "INSERT INTO lot (id, commodity, origin, entry_id) "
        f"VALUES ('{invented}', 'gloves', 'x', '{SENT}')",
    )
    assert named(journal) == {("lot", f"lot {invented}")}


def test_a_deleted_entry_is_named_by_its_leaf_and_what_it_moved(journal: Database) -> None:
    tamper(
        journal,
        f"DELETE FROM move WHERE entry_id = '{GIVEN}'",
        f"DELETE FROM entry WHERE id = '{GIVEN}'",
    )
    differences = found(journal)
    (leaf,) = [d for d in differences if d.where.startswith("leaf")]
    assert (leaf.what, leaf.where, leaf.expected) == ("entry_missing", "leaf 3", f"entry {GIVEN}")
    assert {d.where for d in differences if d != leaf} == {
        f"balance of {ROAD}, lot {LOT}",
        f"balance of {BEDSIDE}, lot {LOT}",
    }


def test_moves_and_lots_without_their_entry_are_named(journal: Database) -> None:
    tamper(journal, f"DELETE FROM entry WHERE id = '{GIFT}'")
    assert named(journal) == {
        ("entry_missing", f"lot {LOT}"),
        ("entry_missing", f"entry {GIFT}, line 1"),
        ("entry_missing", "leaf 0"),
    }


@pytest.mark.parametrize(
    ("statement", "guard"),
    [
        ("DROP TRIGGER append_only ON entry", "entry.append_only"),
        ("ALTER TABLE balance DISABLE TRIGGER append_only", "balance.append_only"),
        ("DROP TRIGGER no_truncate ON leaf", "leaf.no_truncate"),
        (
            (
                "CREATE OR REPLACE TRIGGER append_only BEFORE DELETE ON move "
                "FOR EACH ROW EXECUTE FUNCTION medrelay_refuse_change()"
            ),
            "move.append_only",
        ),
        (
            (
                "CREATE OR REPLACE FUNCTION medrelay_refuse_decrease() RETURNS trigger "
                "LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
            ),
            "balance.append_only",
        ),
    ],
)
def test_a_guard_that_is_off_or_toothless_is_named(
    journal: Database, statement: str, guard: str
) -> None:
    with journal.engine.begin() as connection:
        connection.execute(sa.text(statement))
    assert named(journal) == {("guard", f"guard {guard}")}


def test_a_hidden_field_is_erased_without_a_trace_but_not_changed(journal: Database) -> None:
    with journal.engine.begin() as connection:
        changed = """UPDATE entry_secret SET fields = '{"contact": "Li"}' WHERE entry_id = :gift"""
        connection.execute(sa.text(changed), {"gift": GIFT})
    assert named(journal) == {("concealed", f"entry {GIFT}")}
    with journal.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM entry_secret"))
    assert found(journal) == []


Forgery = Callable[[dict[str, object]], None]


def forge(database: Database, entry_id: UUID, change: Forgery) -> None:
    """Write other bytes, and every digest of them anew: what a patient insider would do."""
    from ledger.canonical import canonicalize, digest, parse  # noqa: PLC0415
    from ledger.merkle import leaf_hash  # noqa: PLC0415

    with database.engine.connect() as connection:
        body = connection.execute(sa.text(f"SELECT body FROM entry WHERE id = '{entry_id}'"))
        record = parse(body.scalar_one())
    change(record)  # type: ignore[arg-type]
    exact = canonicalize(record)
    sent = {k: v for k, v in record.items() if k not in {"log", "recorded_at", "_sd"}}
    tamper(
        database,
        f"UPDATE entry SET body = '\\x{exact.hex()}', digest = '\\x{digest(exact).hex()}', "
        f"content_digest = '\\x{digest(canonicalize(sent)).hex()}' WHERE id = '{entry_id}'",
        f"UPDATE leaf SET leaf_hash = '\\x{leaf_hash(exact).hex()}' WHERE entry_id = '{entry_id}'",
    )


def test_a_forged_record_must_still_keep_the_rules(journal: Database) -> None:
    def teleport(record: dict[str, object]) -> None:
        record["moves"][0]["target"] = "site:W2/available"  # type: ignore[index]

    forge(journal, RESERVED, teleport)
    assert ("entry_rule", f"entry {RESERVED}, line 1") in named(journal)


def test_a_reversal_that_is_not_the_opposite_is_named(journal: Database) -> None:
    def take_less(record: dict[str, object]) -> None:
        record["moves"][0]["quantity"] = "6"  # type: ignore[index]

    forge(journal, UNDONE, take_less)
    tamper(journal, f"UPDATE move SET quantity = 6 WHERE entry_id = '{UNDONE}'")
    assert named(journal) >= {("reversal", f"entry {UNDONE}")}


def test_a_record_of_another_shape_is_named(journal: Database) -> None:
    def lose_a_field(record: dict[str, object]) -> None:
        del record["moves"][0]["source"]  # type: ignore[attr-defined]

    forge(journal, RESERVED, lose_a_field)
    assert ("entry_form", f"entry {RESERVED}") in named(journal)


def test_the_check_sees_one_moment_while_others_post(journal: Database) -> None:
    with journal.transaction() as session:
        session.connection().execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        session.connection().execute(sa.text("SELECT count(*) FROM entry"))
        tamper(journal, "DELETE FROM leaf WHERE index = 1")
        assert list(check_journal(session)) == []
    assert named(journal) == {("leaf_missing", "leaf 1")}
