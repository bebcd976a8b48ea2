"""Whoever kept a checkpoint can see that the log only grew from it."""

from contextlib import closing
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from ledger.checkpoint import VerifierKey, verify
from ledger.merkle import RootMismatch, verify_consistency
from services.database import Database
from services.jobs.log import LogWriter
from services.settings import Settings
from tests.world import stock

CONSISTENCY = "/api/v1/audit/consistency"


def grow(database: Database, writer: LogWriter, name: str) -> None:
    with database.transaction() as session:
        stock(session, key=name)
    writer.run_once()


def test_a_kept_checkpoint_is_the_beginning_of_a_later_one(
    api: TestClient, database: Database, tmp_path: Path
) -> None:
    with closing(LogWriter(Settings(data_dir=tmp_path / "data"), database)) as writer:
        for number in range(3):
            grow(database, writer, f"early {number}")
        kept_note = api.get("/api/v1/audit/checkpoint").text
        for number in range(4):
            grow(database, writer, f"late {number}")
    key = VerifierKey.decode(api.get("/api/v1/audit/log").json()["verifier_key"])
    kept = verify(kept_note, key)
    newest = verify(api.get("/api/v1/audit/checkpoint").text, key)
    assert (kept.size, newest.size) == (3, 7)
    proof = api.get(CONSISTENCY, params={"from": kept.size}).json()
    path = [bytes.fromhex(node) for node in proof["path"]]
    assert proof["after"] == newest.size
    assert (proof["before_root"], proof["after_root"]) == (kept.root.hex(), newest.root.hex())
    verify_consistency(kept.size, newest.size, path, kept.root, newest.root)
    with pytest.raises(RootMismatch):
        verify_consistency(kept.size, newest.size, path, bytes(32), newest.root)
    between = api.get(CONSISTENCY, params={"from": 2, "to": 5}).json()
    assert (between["before"], between["after"]) == (2, 5)


@pytest.mark.parametrize(
    ("sizes", "field"),
    [({"from": 1}, "from"), ({"from": 0, "to": 9}, "to"), ({"from": -1}, "from")],
)
def test_sizes_that_the_log_never_had_are_refused(
    api: TestClient, sizes: dict[str, int], field: str
) -> None:
    answer = api.get(CONSISTENCY, params=sizes)
    assert answer.status_code == 422
    assert field in answer.text
