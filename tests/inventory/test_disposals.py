"""Goods are destroyed once another person approved it, with a witness and a certificate."""

from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.inventory.disposal_schemas import DisposalStage
from services.inventory.models import DisposalState
from tests.browser import Browser, went_to
from tests.inventory.goods import AT, JSON, read, send, standing
from tests.inventory.test_ways_on import bought
from tests.world import World

PAPER = ("certificate.pdf", b"%PDF-1.7 destroyed", "application/pdf")
WITNESS = "Li Na"


@pytest.fixture
def rejected(database: Database) -> UUID:
    with database.transaction() as session:
        return bought(session)


def asked(api: TestClient, world: World, lot: UUID, quantity: int = 60, **more: str) -> str:
    body: JSON = {"id": str(uuid4()), "site": "H1", "lot_id": str(lot), "quantity": quantity}
    body |= {"taken_from": "rejected", "reason": "nobody takes it"} | more
    told = send(api, world, "hospital", "stock/disposals", body)
    assert send(api, world, "hospital", "stock/disposals", body, 200) == told
    assert told["state"] == "asked"
    return f"stock/disposals/{told['id']}"


def done(**more: str) -> JSON:
    return {"id": str(uuid4()), "witness": WITNESS, "occurred_at": AT} | more


def certify(api: TestClient, world: World, path: str, who: str = "hospital") -> int:
    answer = api.post(
        f"/api/v1/{path}/certificates", files={"file": PAPER}, headers=world.bearer(who)
    )
    return answer.status_code


def test_the_whole_way_of_a_disposal(
    api: TestClient, world: World, database: Database, rejected: UUID
) -> None:
    path = asked(api, world, rejected)
    send(api, world, "hospital", f"{path}/destroyed", done(), 409)
    yes = {"approve": True, "reason": "no use for it"}
    send(api, world, "hospital", f"{path}/decision", yes, 403)
    send(api, world, "approver", f"{path}/decision", yes, 200)
    send(api, world, "approver", f"{path}/decision", yes, 200)
    send(api, world, "approver", f"{path}/decision", yes | {"approve": False}, 409)
    problem = send(api, world, "hospital", f"{path}/destroyed", done(), 409)
    assert problem["type"].endswith("no-certificate")
    assert certify(api, world, path, "hospital2") == 403
    assert certify(api, world, path) == 201
    body = done()
    told = send(api, world, "hospital", f"{path}/destroyed", body)
    assert send(api, world, "hospital", f"{path}/destroyed", body, 200) == told
    send(api, world, "hospital", f"{path}/destroyed", done(), 409)
    assert standing(database, rejected) == {"H1/rejected": 40, "H1/lost": 60}
    shown = read(api, world, "auditor", path)
    assert (shown["state"], shown["entry_id"]) == ("destroyed", body["id"])
    with database.transaction() as session:
        found = session.connection().exec_driver_sql(
            "SELECT body FROM entry WHERE id = %s", (body["id"],)
        )
        published = bytes(found.scalar_one()).decode()
    assert '"cause":"rejected_destroyed"' in published
    assert shown["certificates"][0]["sha256"] in published
    assert WITNESS not in published


def test_taken_back_it_may_be_destroyed_once_more(
    api: TestClient, world: World, database: Database, rejected: UUID
) -> None:
    path = asked(api, world, rejected)
    send(api, world, "approver", f"{path}/decision", {"approve": True, "reason": "x"}, 200)
    assert certify(api, world, path) == 201
    body = done()
    send(api, world, "hospital", f"{path}/destroyed", body)
    undo = {"id": str(uuid4()), "reason": "another pallet was burnt"}
    send(api, world, "hospital", f"entries/{body['id']}/correct", undo)
    assert standing(database, rejected) == {"H1/rejected": 100}
    assert read(api, world, "hospital", path)["state"] == "approved"
    send(api, world, "hospital", f"{path}/destroyed", done())
    assert standing(database, rejected)["H1/lost"] == 60


def test_nobody_decides_on_what_they_asked_for(
    api: TestClient, world: World, database: Database, rejected: UUID
) -> None:
    with database.transaction() as session:
        session.connection().exec_driver_sql(
            "UPDATE app_user SET role = 'admin' WHERE username = 'hospital'"
        )
    path = asked(api, world, rejected)
    yes = {"approve": True, "reason": "x"}
    problem = send(api, world, "hospital", f"{path}/decision", yes, 409)
    assert problem["type"].endswith("same-asker")


@pytest.mark.parametrize(
    ("who", "change", "status"),
    [
        ("hospital", {"taken_from": "available"}, 422),
        ("hospital", {"taken_from": "recalled"}, 409),
        ("hospital", {"quantity": 101}, 409),
        ("hospital2", {}, 403),
        ("approver", {}, 403),
    ],
)
def test_what_cannot_be_asked_for(
    api: TestClient, world: World, rejected: UUID, who: str, change: JSON, status: int
) -> None:
    body: JSON = {"id": str(uuid4()), "site": "H1", "lot_id": str(rejected), "quantity": 60}
    body |= {"taken_from": "rejected", "reason": "nobody takes it"} | change
    send(api, world, who, "stock/disposals", body, status)
    assert read(api, world, "auditor", "stock/disposals") == []


def test_what_is_destroyed_on_purpose_is_no_plain_loss(
    api: TestClient, world: World, rejected: UUID
) -> None:
    body = {"id": str(uuid4()), "site": "H1", "lot_id": str(rejected), "quantity": 60}
    body |= {"taken_from": "rejected", "cause": "damaged_destroyed", "reason": "x"}
    problem = send(api, world, "hospital", "stock/losses", body | {"occurred_at": AT}, 422)
    assert "stock/disposals" in problem["errors"][0]["mend"]


def test_a_disposal_on_pages(api: TestClient, database: Database, rejected: UUID) -> None:
    hospital, approver = Browser(api, database, "hospital"), Browser(api, database, "approver")
    lot = f"/en/stock/lots/{rejected}?site=H1"
    typed = {"quantity": "1", "unit": "box", "taken_from": "rejected", "reason": "torn"}
    answer = hospital.fill(lot, typed, action=f"/en/stock/lots/{rejected}/destroy")
    assert went_to(answer).startswith("/en/stock/lots/")
    listed = approver.get("/zh/stock/disposals")
    assert "等待决定" in listed
    page = "/en/stock/disposals/" + listed.split("/zh/stock/disposals/")[1].split('"')[0]
    approver.fill(page, {"reason": "yes", "approve": "true"}, action=f"{page}/decision")
    assert "May be destroyed" in hospital.get(page)
    headers = {"Authorization": "Bearer token-of-hospital"}
    api.post(f"/api/v1{page[3:]}/certificates", files={"file": PAPER}, headers=headers)
    typed = {"witness": WITNESS, "occurred_at": "2020-02-11T10:00"}
    answer = hospital.fill(page, typed, action=f"{page}/destroyed")
    assert went_to(answer) == page
    assert "certificate.pdf" in hospital.get(page)
    assert standing(database, rejected) == {"H1/rejected": 50, "H1/lost": 50}


def test_every_stage_has_its_decision() -> None:
    assert {each.value for each in DisposalState} <= {each.value for each in DisposalStage}
