"""Who changes a tile behind its guards is told of, by the very hash."""

import hashlib
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from services.audit.tiles import write_tiles
from services.database import Database
from services.jobs import tile_check
from services.jobs.check import check_everything
from services.jobs.log import LogWriter
from services.jobs.tile_check import check_tiles
from services.settings import Settings
from tests.world import stock

LEAVES = [hashlib.sha256(str(number).encode()).digest() for number in range(700)]


@pytest.fixture
def tiled(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Seven hundred made-up leaves in tiles, written in four batches."""
    monkeypatch.setattr(tile_check, "anchored_size", lambda _: 700)
    monkeypatch.setattr(tile_check, "leaf_hashes_between", lambda _, start, end: LEAVES[start:end])
    monkeypatch.setattr(tile_check, "_STEP", 300)
    with database.transaction() as session:
        for start, stop in [(0, 1), (1, 256), (256, 600), (600, 700)]:
            write_tiles(session, start, LEAVES[start:stop])
    return database


def found(database: Database) -> list[tuple[str, str]]:
    with database.transaction() as session:
        return [(each.what, each.where) for each in check_tiles(session)]


def tamper(database: Database, statement: str) -> None:
    with database.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        assert connection.execute(sa.text(statement)).rowcount


def test_a_true_log_has_no_difference(tiled: Database) -> None:
    assert found(tiled) == []


SPOILT = "set_byte(hashes, {at}, get_byte(hashes, {at}) # 1)"


@pytest.mark.parametrize(
    ("level", "first", "at", "where"),
    [
        (0, 0, 0, "hash 0 of tile 0/000"),
        (0, 1, 32 * 254 + 31, "hash 255 of tile 0/000"),
        (0, 600, 0, "hash 88 of tile 0/002"),
        (1, 0, 5, "hash 0 of tile 1/000"),
        (1, 1, 31, "hash 1 of tile 1/000"),
    ],
)
def test_a_changed_hash_is_named(
    tiled: Database, level: int, first: int, at: int, where: str
) -> None:
    spoilt = SPOILT.format(at=at)
    tamper(
        tiled,
        f"UPDATE tile_part SET hashes = {spoilt} WHERE level = {level} AND first = {first}",
    )
    assert found(tiled) == [("tile", where)]


@pytest.mark.parametrize("level", [0, 1])
def test_a_part_that_is_gone_is_named(tiled: Database, level: int) -> None:
    tamper(tiled, f"DELETE FROM tile_part WHERE level = {level} AND first = 1")
    names = found(tiled)
    assert ("tile_count", f"tiles of level {level}") in names
    assert any(what == "tile" for what, _ in names)


@pytest.mark.parametrize(("level", "first"), [(0, 700), (1, 2), (2, 0), (7, 0)])
def test_a_hash_too_many_is_named(tiled: Database, level: int, first: int) -> None:
    zeros = "decode(repeat('00', 32), 'hex')"
    tamper(tiled, f"INSERT INTO tile_part VALUES ({level}, {first}, {zeros})")
    assert found(tiled) == [("tile_count", f"tiles of level {level}")]


def test_check_looks_at_the_tiles(database: Database, tmp_path: Path) -> None:
    with database.transaction() as session:
        stock(session)
    with closing(LogWriter(Settings(data_dir=tmp_path / "data"), database)) as writer:
        writer.run_once()
    tamper(database, f"UPDATE tile_part SET hashes = {SPOILT.format(at=0)} WHERE level = 0")
    with database.transaction() as session:
        assert_names_the_tile(session)


def assert_names_the_tile(session: Session) -> None:
    names = {(each.what, each.where) for each in check_everything(session, None)}
    assert ("tile", "hash 0 of tile 0/000") in names
