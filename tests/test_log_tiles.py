"""The log as rows of tiles: written once with a batch's anchor, read without a scan."""

import hashlib
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlmodel import Session, select

from ledger import merkle, tiles
from ledger.anchor import LogDiverged
from services.audit import service
from services.audit.models import Anchor
from services.audit.tile_models import TilePart
from services.audit.tiles import StoredTiles, catch_up, stored_tree, tiled_size, write_tiles
from services.database import Database
from services.jobs.log import LogWriter
from services.journal.guards import TILES
from services.journal.models import Leaf
from services.journal.seal import leaf_hashes_between
from services.settings import Settings

LEAVES = [hashlib.sha256(str(number).encode()).digest() for number in range(700)]
LOG = "/log"


def parts(session: Session) -> list[tuple[int, int, bytes]]:
    rows = session.exec(select(TilePart).order_by(TilePart.level, TilePart.first))
    return [(row.level, row.first, row.hashes) for row in rows]


def written(session: Session, size: int) -> None:
    tree = stored_tree(session, size)
    assert tree == merkle.CompactRange().extend(LEAVES[:size])


def test_batches_become_the_tiles_of_the_whole(session: Session) -> None:
    size = 0
    for batch in (1, 2, 250, 3, 0, 300, 144):
        write_tiles(session, size, LEAVES[size : size + batch])
        size += batch
        assert tiled_size(session) == size
        written(session, size)
    reader = StoredTiles(session)
    assert reader.tile(0, 1, 256) == b"".join(LEAVES[256:512])
    assert reader.tile(1, 0, 2) == merkle.root(LEAVES[:256]) + merkle.root(LEAVES[256:512])
    assert tiles.inclusion_path(reader, 300, 700) == merkle.inclusion_proof(LEAVES, 300, 700)


@pytest.mark.parametrize(("first", "stop"), [(0, 300), (0, 10), (255, 300), (299, 300), (256, 257)])
def test_a_batch_written_twice_is_there_once(session: Session, first: int, stop: int) -> None:
    write_tiles(session, 0, LEAVES[:300])
    before = parts(session)
    write_tiles(session, first, LEAVES[first:stop])
    assert parts(session) == before


@pytest.mark.parametrize("first", [0, 250, 299])
def test_a_batch_that_is_there_in_part_is_completed(session: Session, first: int) -> None:
    write_tiles(session, 0, LEAVES[:300])
    write_tiles(session, first, LEAVES[first:600])
    written(session, 600)


@pytest.mark.parametrize("changed", [0, 200, 255, 256, 299])
def test_another_hash_than_the_one_written_is_refused(session: Session, changed: int) -> None:
    write_tiles(session, 0, LEAVES[:300])
    before = parts(session)
    leaves = list(LEAVES[:400])
    leaves[changed] = bytes(32)
    with pytest.raises(LogDiverged, match="other leaves"):
        write_tiles(session, 0, leaves)
    assert parts(session) == before


def test_a_gap_is_refused(session: Session) -> None:
    write_tiles(session, 0, LEAVES[:3])
    with pytest.raises(LogDiverged, match="end at 3"):
        write_tiles(session, 4, LEAVES[4:5])


def test_a_tree_that_is_not_written_is_not_told(session: Session) -> None:
    write_tiles(session, 0, LEAVES[:300])
    for size in (301, 512, 100_000):
        with pytest.raises(tiles.TileMalformed):
            stored_tree(session, size)


@pytest.mark.parametrize("table", TILES)
def test_tiles_and_cosignatures_are_neither_changed_nor_removed(
    anchored: Database, table: str
) -> None:
    with anchored.transaction() as session:
        size = service.anchored_size(session)
        values = {"size": size}
        cosign = "INSERT INTO cosignature VALUES (:size, 'witness+1+key', '— witness x', now())"
        session.connection().execute(sa.text(cosign), values)
    column = {"tile_part": "hashes", "cosignature": "line"}[table]
    for statement in (
        f"UPDATE {table} SET {column} = {column}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
    ):
        with (
            pytest.raises(sa.exc.IntegrityError, match="append-only"),
            anchored.engine.begin() as connection,
        ):
            connection.execute(sa.text(statement))


@pytest.mark.parametrize(
    "values",
    ["0, 0, ''", "0, 0, '\\x00'", "8, 0, H", "-1, 0, H", "0, -1, H", "0, 255, H || H"],
)
def test_the_database_refuses_what_is_no_part_of_a_tile(database: Database, values: str) -> None:
    row = values.replace("H", "decode(repeat('00', 32), 'hex')")
    with (
        pytest.raises(sa.exc.IntegrityError, match="ck_tile_part"),
        database.engine.begin() as connection,
    ):
        connection.execute(sa.text(f"INSERT INTO tile_part VALUES ({row})"))


def test_anchoring_writes_the_tiles(anchored: Database) -> None:
    with anchored.transaction() as session:
        size = service.anchored_size(session)
        assert tiled_size(session) == size
        anchor = session.get_one(Anchor, size)
        assert stored_tree(session, size).root() == anchor.root
        leaves = b"".join(leaf_hashes_between(session, 0, size))
        assert StoredTiles(session).tile(0, 0, size) == leaves


def without_tiles(database: Database) -> None:
    """As a log that was anchored by a version before tiles."""
    with database.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sa.text("DELETE FROM tile_part"))


def test_a_log_from_before_its_tiles_catches_up_when_it_is_opened(
    anchored: Database, api: TestClient, tmp_path: Path
) -> None:
    with anchored.transaction() as session:
        size, before = service.anchored_size(session), parts(session)
        entry = session.exec(select(Leaf.entry_id).where(Leaf.index == 0)).one()
    without_tiles(anchored)
    waits = api.get(f"/api/v1/audit/entries/{entry}/receipt")
    assert (waits.status_code, waits.json()["mend"]) == (503, "ask again in a minute")
    assert api.get(f"{LOG}/tile/0/000.p/1").status_code == 404
    with closing(LogWriter(Settings(data_dir=tmp_path / "data"), anchored)) as writer:
        writer.claim()
    with anchored.transaction() as session:
        assert tiled_size(session) == size
        assert b"".join(each[2] for each in parts(session)) == b"".join(each[2] for each in before)
    assert api.get(f"/api/v1/audit/entries/{entry}/receipt").status_code == 200


def test_catching_up_goes_on_where_it_was_killed(
    anchored: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_tiles(anchored)
    monkeypatch.setattr("services.audit.tiles.STEP", 2)
    sizes = []

    class Killed(Exception):
        pass

    def read(session: Session, start: int, stop: int) -> list[bytes]:
        sizes.append((start, stop))
        if len(sizes) == 2:
            raise Killed
        return leaf_hashes_between(session, start, stop)

    monkeypatch.setattr("services.audit.tiles.leaf_hashes_between", read)
    with pytest.raises(Killed):
        catch_up(anchored)
    with anchored.transaction() as session:
        assert tiled_size(session) == 2
    catch_up(anchored)
    with anchored.transaction() as session:
        assert tiled_size(session) == service.anchored_size(session)
    assert all(stop - start <= 2 for start, stop in sizes)


def test_a_restart_and_a_receipt_read_no_leaf_hash(
    anchored: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    for module in ("services.jobs.anchoring", "services.audit.tiles"):
        monkeypatch.setattr(f"{module}.leaf_hashes_between", lambda _, *span: read.append(span))
    with closing(LogWriter(Settings(data_dir=tmp_path / "data"), anchored)) as writer:
        writer.run_once()
    with anchored.transaction() as session:
        receipt = service.receipt_of_leaf(session, 0)
    assert receipt.tree_size >= 3
    assert not read


def test_receipts_and_consistency_say_what_the_plain_functions_say(anchored: Database) -> None:
    with anchored.transaction() as session:
        size = service.anchored_size(session)
        leaves = leaf_hashes_between(session, 0, size)
        for index in range(size):
            receipt = service.receipt_of_leaf(session, index)
            assert receipt.inclusion_path == merkle.inclusion_proof(
                leaves, index, receipt.tree_size
            )
        for before in range(size + 1):
            for after in range(before, size + 1):
                found = service.consistency(session, before, after)
                assert found.path == merkle.consistency_proof(leaves, before, after)
                assert found.before_root == merkle.root(leaves[:before])
                assert found.after_root == merkle.root(leaves[:after])
