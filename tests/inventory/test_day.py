"""A warehouse's whole day through the API, from a scanned carton to a recall and a stock card."""

from uuid import UUID, uuid4

from fastapi.testclient import TestClient

from services.database import Database
from services.journal.kinds import AccountRef, EntryKind, site_account
from tests import gifts
from tests.inventory.goods import AT, NEED, check_journal_of, move, read, send
from tests.world import World

GTIN = "09506000134352"


def test_the_warehouses_day(api: TestClient, world: World, database: Database) -> None:
    desk = world.bearer("dispatcher")
    packed = {"gtin": GTIN, "unit": "carton"}
    assert api.put("/api/v1/items/gloves/gtins", json=packed, headers=desk).status_code == 200
    # A carton is scanned, and what it says is what comes in.
    scan = read(api, world, "dispatcher", "scan", text=f"(01){GTIN}(17)211231(10)L-1")
    line = {name: scan[name] for name in ("item", "quantity", "unit", "batch", "expires_on")}
    gift = gifts.goods([line])
    send(api, world, "donor", "donations", gift)
    told = {"lines": [{"line": 1, "accepted": 2000}], "occurred_at": "2020-02-02T09:00:00Z"}
    send(api, world, "dispatcher", f"donations/{gift['id']}/receive", told, 200)
    (row,) = read(api, world, "dispatcher", "stock", site="W1", item="gloves")
    lot = row["lot_id"]
    act = {"site": "W1", "lot_id": lot, "occurred_at": AT, "reason": "as seen"}
    place = {"site": "W1", "lot_id": lot, "place": "Rack 1"}
    assert api.put("/api/v1/stock/places", json=place, headers=desk).status_code == 200
    # A box is wet, one is held back and freed again, two are packed as kits.
    for path, body in (
        ("losses", {"quantity": 1, "unit": "box", "cause": "wet"}),
        ("sort", {"quantity": 50, "taken_from": "available", "put_to": "on_hold"}),
        ("sort", {"quantity": 50, "taken_from": "on_hold", "put_to": "available"}),
        ("repacks", {"quantity": 100, "into": [60, 40]}),
    ):
        send(api, world, "dispatcher", f"stock/{path}", act | body | {"id": str(uuid4())})
    found = read(api, world, "dispatcher", "stock/pick", site="W1", item="gloves", quantity="1900",
                 arrives_on="2020-02-12")  # fmt: skip
    assert sum(each["quantity"] for each in found["picked"]) == 1900
    # Counted blind: three pieces are missing.
    sheet = send(api, world, "dispatcher", "count-sheets", {"site": "W1", "reason": "evening"})
    counted = {"lines": [{"lot_id": lot, "counted": 1847}], "occurred_at": AT}
    seen = send(api, world, "dispatcher", f"count-sheets/{sheet['id']}/counts", counted, 200)
    assert [x["difference_base"] for x in seen["lines"] if x["lot_id"] == lot] == [-3]
    # A hospital gets some, uses some and gives the rest back.
    with database.transaction() as session:
        shelf, kept = site_account("W1", "available"), site_account("W1", "reserved", NEED)
        road = AccountRef("shipment:9", "in_transit", NEED)
        got = site_account("H1", "received", NEED)
        for kind, source, target in (
            (EntryKind.RESERVE, shelf, kept),
            (EntryKind.DISPATCH, kept, road),
            (EntryKind.DISBURSE_GOODS, road, got),
        ):
            move(session, kind, UUID(lot), source, target, 500)
    own = act | {"site": "H1"}
    for path, quantity in (("consumption", 100), ("returns", 300)):
        body = own | {"id": str(uuid4()), "quantity": quantity}
        send(api, world, "hospital", f"stock/{path}", body)
    # Then the maker recalls the batch.
    recall = {"item": "gloves", "batch": "L-1", "cause": "maker", "reason": "holes"}
    told = send(api, world, "dispatcher", "recalls", recall | {"occurred_at": AT})
    assert told["progress"] == {
        "gathered": 1847,
        "destroyed": 0,
        "given_back": 0,
        "under_way": 0,
        "used": 100,
        "lost": 50,
        "elsewhere": 3,
    }
    assert told["donations"] == [gift["id"]]
    burnt = act | {"quantity": 1447, "taken_from": "recalled", "cause": "sampled"}
    problem = send(api, world, "dispatcher", "stock/losses", burnt | {"id": str(uuid4())}, 409)
    assert problem["available"] == 1347
    card = read(api, world, "auditor", "stock/card", site="W1", lot_id=lot)
    assert card[-1]["balance"] == 1347
    trace = api.get(f"/api/v1/audit/donations/{gift['id']}/trace").json()
    assert trace["ok"]
    assert sorted(each["opened"] for each in trace["lots"]) == [40, 60, 2000]
    assert check_journal_of(database) == []
