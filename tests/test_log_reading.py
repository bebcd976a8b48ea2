"""The log as files for strangers: tiles, bundles, proofs, a dump; anchored leaves only."""

import gzip
import hashlib
import json

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlmodel import col, select

from ledger import merkle
from ledger.checkpoint import VerifierKey
from ledger.checkpoint import parse as parse_checkpoint
from ledger.tiles import Tile
from ledger.tlog_proof import decode
from services.audit import service
from services.audit.tiles import write_tiles
from services.database import Database
from services.journal.models import Leaf
from tests.world import stock

LEAVES = [hashlib.sha256(str(number).encode()).digest() for number in range(700)]
LOG = "/log"


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


@pytest.mark.parametrize("path", ["/log/proof/{index}", "/api/v1/audit/entries/{entry}/receipt"])
def test_of_a_block_that_the_chain_gave_up_no_proof_is_given(
    anchored: Database, api: TestClient, path: str
) -> None:
    with anchored.transaction() as session:
        rows = session.exec(select(Leaf.index, Leaf.entry_id).order_by(col(Leaf.index))).all()
        session.connection().execute(sa.text("SET LOCAL session_replication_role = replica"))
        newest = "UPDATE anchor SET state = 'submitted' WHERE size = (SELECT max(size) FROM anchor)"
        session.connection().execute(sa.text(newest))
    (first, kept), (last, lost) = rows[0], rows[-1]
    answer = api.get(path.format(index=last, entry=lost))
    assert (answer.status_code, answer.json()["type"].split(":")[-1]) == (409, "anchored-again")
    assert answer.json()["errors"][0]["mend"] == "ask again in a minute"
    assert api.get(path.format(index=first, entry=kept)).status_code == 200
