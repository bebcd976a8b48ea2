"""The log as rows of tiles and as files for strangers: written once, read without a scan."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlmodel import Session, select

from ledger import merkle, tiles
from ledger.anchor import LogDiverged
from ledger.checkpoint import VerifierKey
from ledger.checkpoint import parse as parse_checkpoint
from ledger.tiles import Tile
from ledger.tlog_proof import decode
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
from tests.world import stock

LEAVES = [hashlib.sha256(str(number).encode()).digest() for number in range(700)]
LOG = "/log"


@pytest.fixture
def anchored(database: Database, tmp_path: Path) -> Iterator[Database]:
    """A log of five leaves, anchored three at first and then two more."""
    with closing(LogWriter(Settings(data_dir=tmp_path / "data"), database)) as writer:
        for names in ("abc", "de"):
            with database.transaction() as session:
                for name in names:
                    stock(session, key=name)
            writer.run_once()
    with database.transaction() as session:
        assert service.anchored_size(session) >= 5
    return database


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


def test_a_checkpoint_is_asked_for_again_and_seldom_sent(
    anchored: Database, api: TestClient
) -> None:
    answer = api.get(f"{LOG}/checkpoint")
    assert answer.text == api.get("/api/v1/audit/checkpoint").text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    known = {"If-None-Match": answer.headers["etag"]}
    assert api.get(f"{LOG}/checkpoint", headers=known).status_code == 304
    line = "— witness.example/w AAAA"
    with anchored.transaction() as session:
        session.connection().execute(
            sa.text("INSERT INTO cosignature VALUES (:size, 'w', :line, now())"),
            {"size": service.anchored_size(session), "line": line},
        )
    cosigned = api.get(f"{LOG}/checkpoint", headers=known)
    assert (cosigned.status_code, cosigned.text) == (200, f"{answer.text}{line}\n")


def test_before_the_first_anchor_there_is_nothing_to_read(api: TestClient) -> None:
    for path in ("checkpoint", "tile/0/000.p/1", "tile/entries/000.p/1", "proof/0"):
        answer = api.get(f"{LOG}/{path}")
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
    assert gzip.decompress(api.get(f"{LOG}/dump.jsonl.gz").content) == b""


def test_tiles_and_entries_are_kept_for_ever_and_make_the_root(
    anchored: Database, api: TestClient
) -> None:
    head = parse_checkpoint(api.get(f"{LOG}/checkpoint").text)
    tile = api.get(f"{LOG}/tile/{Tile(0, 0, head.size).path()}")
    assert tile.headers["content-type"] == "application/octet-stream"
    assert "immutable" in tile.headers["cache-control"]
    leaves = [tile.content[at : at + 32] for at in range(0, len(tile.content), 32)]
    assert merkle.root(leaves) == head.root
    plain = {"Accept-Encoding": "identity"}
    bundle = api.get(f"{LOG}/tile/entries/000.p/{head.size}", headers=plain)
    assert "content-encoding" not in bundle.headers
    assert [merkle.leaf_hash(record) for record in split(bundle.content)] == leaves
    packed = api.get(f"{LOG}/tile/entries/000.p/{head.size}")
    assert (packed.headers["content-encoding"], packed.content) == ("gzip", bundle.content)
    # A narrower tile is the beginning of a wider one, and stays so.
    assert api.get(f"{LOG}/tile/0/000.p/2").content == tile.content[:64]


def split(bundle: bytes) -> list[bytes]:
    records = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        records.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    return records


@pytest.mark.parametrize(
    "path",
    [
        "0/000",
        "0/001",
        "0/000.p/200",
        "1/000.p/1",
        "63/x999/x999/999",
        "0/000.p/0",
        "0/000.p/01",
        "0/0",
        "00/000.p/1",
        "64/000",
        "entries/000",
        "entries/000.p/200",
        "entries/0",
        "entries/",
        "data/000.p/1",
        "..%2f..%2fcheckpoint",
        "0/000.p/1%00",
        "0/٠٠٠.p/1",
        "",
    ],
)
def test_what_is_no_tile_of_the_anchored_log_is_told_as_a_problem(
    anchored: Database, api: TestClient, path: str
) -> None:
    answer = api.get(f"{LOG}/tile/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["mend"]
    assert "immutable" not in answer.headers.get("cache-control", "")


def test_leaves_that_are_sealed_and_not_anchored_are_not_served(
    anchored: Database, api: TestClient
) -> None:
    with anchored.transaction() as session:
        size = service.anchored_size(session)
        index = session.exec(sa.select(sa.func.max(Leaf.index))).scalar_one()  # type: ignore[call-overload]
        write_tiles(session, size, LEAVES[:3])
    assert index == size - 1
    assert api.get(f"{LOG}/tile/0/000.p/{size}").status_code == 200
    assert api.get(f"{LOG}/tile/0/000.p/{size + 1}").status_code == 404


def test_an_entry_too_long_for_a_bundle_is_told_and_stands_in_the_dump(
    anchored: Database, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.audit.reading.MAX_BUNDLED", 100)
    answer = api.get(f"{LOG}/tile/entries/000.p/1")
    assert answer.status_code == 404
    assert "dump.jsonl.gz" in answer.json()["errors"][0]["mend"]


@pytest.mark.parametrize("by", ["index", "id"])
def test_a_proof_holds_for_any_verifier(anchored: Database, api: TestClient, by: str) -> None:
    key = VerifierKey.decode(api.get("/api/v1/audit/log").json()["verifier_key"])
    with anchored.transaction() as session:
        rows = session.exec(select(Leaf.index, Leaf.entry_id)).all()
    for index, entry_id in rows:
        answer = api.get(f"{LOG}/proof/{index if by == 'index' else entry_id}")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        proof = decode(answer.text)
        record = api.get(f"/api/v1/audit/entries/{entry_id}").content
        head = proof.verify(record, key)
        assert proof.index == index < head.size
        with pytest.raises(merkle.RootMismatch):
            proof.verify(record + b" ", key)


@pytest.mark.parametrize(
    ("leaf", "status"),
    [
        ("999999", 404),
        ("7f9c24e8-3b12-4bce-a8a3-0f1b7c1f4c11", 404),
        ("9" * 17, 404),
        ("9" * 40, 422),
        ("-1", 422),
        ("01", 422),
        ("٣", 422),
        ("mask", 422),
        ("1.0", 422),
    ],
)
def test_a_proof_of_what_is_not_there_is_refused(
    anchored: Database, api: TestClient, leaf: str, status: int
) -> None:
    answer = api.get(f"{LOG}/proof/{leaf}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_dump_is_every_anchored_record_in_order(
    anchored: Database, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.audit.reading.WIDTH", 2)
    with anchored.transaction() as session:
        size = service.anchored_size(session)
        stock(session, key="not anchored")
    answer = api.get(f"{LOG}/dump.jsonl.gz")
    assert answer.headers["content-type"] == "application/gzip"
    assert "content-encoding" not in answer.headers
    lines = [json.loads(line) for line in gzip.decompress(answer.content).splitlines()]
    assert [line["index"] for line in lines] == list(range(size))
    leaves = [merkle.leaf_hash(line["record"].encode()) for line in lines]
    head = parse_checkpoint(api.get(f"{LOG}/checkpoint").text)
    assert merkle.root(leaves) == head.root


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
