"""One box of masks from its donor to a bedside, through the API, the jobs and the chain."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from ledger.embedded import EmbeddedChain
from ledger.verify import Level, VerificationFailed, verify_receipt
from services.app import create_app
from services.database import Database
from services.jobs.check import check_everything
from services.jobs.runtime import Jobs
from services.settings import Settings
from tests.world import World

PATIENCE_S = 60


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", anchor_every_s=1)


@pytest.fixture
def api(database: Database, settings: Settings) -> Iterator[TestClient]:
    """The API with the jobs running beside it, over the embedded chain."""
    jobs = Jobs(settings, database)
    jobs.start()
    with TestClient(create_app(database), raise_server_exceptions=False) as client:
        yield client
    jobs.stop()


class Desk:
    """Posts as whoever is asked, and insists on success."""

    def __init__(self, api: TestClient, world: World) -> None:
        self._api, self._world = api, world

    def post(self, user: str, path: str, **body: object) -> dict[str, object]:
        answer = self._api.post(f"/api/v1{path}", json=body, headers=self._world.bearer(user))
        assert answer.is_success, answer.text
        found: dict[str, object] = answer.json()
        return found

    def get(self, user: str, path: str) -> dict[str, object]:
        answer = self._api.get(f"/api/v1{path}", headers=self._world.bearer(user))
        assert answer.is_success, answer.text
        found: dict[str, object] = answer.json()
        return found

    def wait(self, path: str, field: str, *wanted: object) -> dict[str, object]:
        for _ in range(PATIENCE_S * 10):
            found = self.get("auditor", path)
            if found[field] in wanted:
                return found
            time.sleep(0.1)
        raise AssertionError(f"{path} never came to {wanted}: {found}")


def carry_one_gift(desk: Desk) -> str:
    """Pledge, receive, ask, allocate, approve, ship, receive; returns the donation's id."""
    donation, run = str(uuid4()), str(uuid4())
    line = {"item": "surgical_mask", "quantity": 10, "unit": "box", "batch": "B1"}
    desk.post(
        "donor",
        "/donations",
        id=donation,
        kind="goods",
        anonymous=False,
        site="W1",
        given_at="2020-02-02T08:00:00Z",
        earmark=None,
        lines=[line],
    )
    desk.post("dispatcher", f"/donations/{donation}/receive", occurred_at="2020-02-02T18:00:00Z")
    need = {"item": "surgical_mask", "quantity": 400, "priority": "stat", "need_by": "2020-02-05"}
    desk.post(
        "hospital",
        "/requests",
        id=str(uuid4()),
        site="H1",
        posted_at="2020-02-03T07:00:00Z",
        needs=[need],
    )
    desk.post(
        "dispatcher",
        "/runs",
        id=run,
        day="2020-02-03",
        horizon_days=7,
        occurred_at="2020-02-03T08:00:00Z",
    )
    desk.wait(f"/runs/{run}", "state", "proposed")
    desk.post("approver", f"/runs/{run}/approve", occurred_at="2020-02-03T09:00:00Z")
    shipments = desk.get("auditor", f"/shipments?run_id={run}")
    shipment = (shipments["items"] if isinstance(shipments, dict) else shipments)[0]["id"]
    at = "2020-02-0{}T{:02}:00:00Z".format
    desk.post("dispatcher", f"/shipments/{shipment}/pick", occurred_at=at(3, 10))
    desk.post("dispatcher", f"/shipments/{shipment}/dispatch", occurred_at=at(3, 11))
    desk.post("carrier", f"/shipments/{shipment}/deliver", occurred_at=at(4, 10))
    desk.post(
        "hospital",
        f"/shipments/{shipment}/receive",
        occurred_at=at(4, 11),
        lines=[{"line": 1, "accepted": 390, "rejected": 6, "short": 4, "reason": "torn"}],
    )
    return donation


@pytest.fixture
def donation(api: TestClient, world: World) -> str:
    desk = Desk(api, world)
    donation = carry_one_gift(desk)
    entries = desk.get("auditor", "/audit/log")["entries"]
    desk.wait("/audit/log", "anchored", entries)
    return donation


def test_every_piece_is_accounted_for_and_proven(
    api: TestClient, database: Database, settings: Settings, donation: str
) -> None:
    trace = api.get(f"/api/v1/audit/donations/{donation}/trace").json()
    assert trace["ok"]
    [lot] = trace["lots"]
    where = {standing["state"]: standing["quantity"] for standing in lot["standings"]}
    assert where == {"available": 100, "received": 390, "rejected": 6, "lost": 4}
    assert lot["opened"] == 500

    listed = api.get("/api/v1/audit/entries").json()
    assert sorted(entry["leaf_index"] for entry in listed) == list(range(len(listed)))
    assert {move["entry_id"] for move in lot["moves"]} <= {entry["id"] for entry in listed}

    vkey = api.get("/api/v1/audit/log").json()["verifier_key"]
    with closing(EmbeddedChain(settings.data_dir / "chain", read_only=True)) as chain:
        for move in lot["moves"]:
            receipt = api.get(f"/api/v1/audit/entries/{move['entry_id']}/receipt").text
            assert verify_receipt(receipt, chain=chain, vkey=vkey).level is Level.CHAIN
            told = json.loads(receipt)
            forged = json.dumps(
                told | {"entry": told["entry"].replace('"quantity":"', '"quantity":"9')}
            )
            with pytest.raises(VerificationFailed, match="inclusion"):
                verify_receipt(forged, chain=chain)
        with database.transaction() as session:
            assert list(check_everything(session, chain)) == []


def test_the_snapshot_is_anchored_in_an_earlier_block_than_its_plan(
    api: TestClient, database: Database, donation: str
) -> None:
    query = sa.text(
        "SELECT e.kind, a.block_number FROM entry e JOIN leaf l ON l.entry_id = e.id "
        "JOIN anchor a ON l.index >= a.first_index AND l.index < a.size "
        "WHERE e.kind IN ('snapshot', 'plan')"
    )
    with database.transaction() as session:
        block = dict(tuple(row) for row in session.connection().execute(query))
    assert block["snapshot"] < block["plan"]


TAMPERINGS = {
    "entry": "UPDATE entry SET body = set_byte(body, 20, get_byte(body, 20) # 1) "
    "WHERE kind = 'receive_donation'",
    "balance": "UPDATE balance SET inflow = inflow + 1 WHERE account = 'site:W1/available'",
    "leaf": "UPDATE leaf SET leaf_hash = set_byte(leaf_hash, 0, get_byte(leaf_hash, 0) # 1) "
    "WHERE index = 2",
}


@pytest.mark.parametrize("table", list(TAMPERINGS))
def test_one_changed_byte_is_named(
    api: TestClient, database: Database, settings: Settings, donation: str, table: str
) -> None:
    with database.transaction() as session:
        connection = session.connection()
        connection.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        connection.execute(sa.text(TAMPERINGS[table]))
        connection.execute(sa.text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
        changed = connection.execute(
            sa.text("SELECT id::text FROM entry WHERE kind = 'receive_donation'")
        ).scalar_one()
    with (
        closing(EmbeddedChain(settings.data_dir / "chain", read_only=True)) as chain,
        database.transaction() as session,
    ):
        found = list(check_everything(session, chain))
    named = " ".join(difference.sentence for difference in found)
    assert {"entry": changed, "balance": "site:W1/available", "leaf": "leaf 2"}[table] in named


def test_a_plan_edited_after_the_fact_is_named(
    api: TestClient, database: Database, settings: Settings, donation: str
) -> None:
    with database.transaction() as session:
        session.connection().execute(sa.text("UPDATE run SET plan = plan || ' '::bytea"))
    with database.transaction() as session:
        found = list(check_everything(session, None))
    # Both digests are named: the one that was logged, and the copy that lists show.
    assert {difference.what for difference in found} == {"plan_bytes", "decision"}


def test_work_goes_on_while_the_chain_is_away(
    database: Database, world: World, tmp_path: Path
) -> None:
    """Entries are written, runs are solved, and the backlog is shown; it is anchored later."""
    away = Settings(
        data_dir=tmp_path / "data",
        chain_url="http://127.0.0.1:1",
        chain_timeout_s=1,
        anchor_every_s=1,
    )
    jobs = Jobs(away, database)
    jobs.start()
    with TestClient(create_app(database), raise_server_exceptions=False) as client:
        desk = Desk(client, world)
        donation = carry_one_gift(desk)
        log = desk.get("auditor", "/audit/log")
        assert log["anchored"] == 0
        entry = desk.get("auditor", f"/audit/donations/{donation}/trace")["lots"][0]["moves"][0]  # type: ignore[index]
        early = client.get(f"/api/v1/audit/entries/{entry['entry_id']}/receipt")
        assert early.status_code == 409
    jobs.stop()
    back = Settings(data_dir=tmp_path / "data", anchor_every_s=1)
    jobs = Jobs(back, database)
    jobs.start()
    with TestClient(create_app(database)) as client:
        desk = Desk(client, world)
        desk.wait("/audit/log", "anchored", log["entries"])
    jobs.stop()
