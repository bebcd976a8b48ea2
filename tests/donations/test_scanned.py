"""What stands on a package goes into the receiving forms, and from there onto the lot."""

from collections.abc import Callable
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from services.catalog.maintain import put_gtin
from services.catalog.schemas import GtinIn
from services.database import Database
from services.journal.models import Lot
from tests.browser import Browser, went_to
from tests.donations.acts import JSON, ORDERED, Desk, ordering, problem
from tests.gifts import give, goods, money, receive
from tests.world import World

Open = Callable[[str | None], Browser]
GTIN = "09506000134352"
SCANS = (
    f"(01){GTIN}(17)211231(10)B-7",
    f"https://id.example.org/01/{GTIN}/10/B-7?17=211231",
)


@pytest.fixture
def desk(api: TestClient, world: World, database: Database) -> Desk:
    with database.transaction() as session:
        put_gtin(session, "gloves", GtinIn(gtin=GTIN, unit="box"))
    return Desk(api, world)


@pytest.fixture
def office(api: TestClient, database: Database) -> Browser:
    return Browser(api, database, "dispatcher")


def _scanned(office: Browser, page: str, action: str, text: str) -> Browser:
    """What the page says after a scan, as a browser that could send it on."""
    answer = office.fill(page, {"scan": text}, action)
    assert answer.status_code == 200, answer.text
    assert 'value="B-7"' in answer.text
    assert 'value="2021-12-31"' in answer.text
    return office


@pytest.mark.parametrize("text", SCANS)
def test_a_gift_is_received_with_what_its_package_says(
    desk: Desk, office: Browser, database: Database, text: str
) -> None:
    mask = {"item": "surgical_mask", "quantity": 5}
    gift = desk.post("/donations", goods([mask, {"item": "gloves", "quantity": 100}]), "donor")
    page = f"/en/gifts/{gift['id']}"
    _scanned(office, page, f"{page}/receive", text)
    assert desk.get(f"/donations/{gift['id']}")["status"] == "pledged"
    typed = {"lines[1].batch": "B-7", "lines[1].expires_on": "2021-12-31"}
    came = office.fill(page, typed | {"occurred_at": "2020-02-06T10:00:00"}, f"{page}/receive")
    assert went_to(came) == page
    plain, line = desk.get(f"/donations/{gift['id']}")["lines"]
    assert (plain["batch"], plain["expires_on"]) == (None, None)
    assert (line["batch"], line["expires_on"]) == ("B-7", "2021-12-31")
    with database.transaction() as session:
        assert session.get_one(Lot, UUID(line["lot_id"])).batch == "B-7"


def test_a_scan_of_another_item_is_said_and_fills_in_nothing(desk: Desk, office: Browser) -> None:
    gift = desk.post("/donations", goods([{"item": "surgical_mask", "quantity": 5}]), "donor")
    page = f"/en/gifts/{gift['id']}"
    answer = office.fill(page, {"scan": SCANS[0]}, f"{page}/receive")
    assert answer.status_code == 422
    assert 'id="scan-slip"' in answer.text
    assert 'value="B-7"' not in answer.text


def test_a_delivery_takes_what_its_package_says(desk: Desk, office: Browser, world: World) -> None:
    give(desk.api, world, money(10_000))
    order = desk.post("/purchase-orders", ordering())
    desk.post(f"/purchase-orders/{order['id']}/order", ORDERED, status=200)
    page = f"/en/orders/{order['id']}"
    _scanned(office, page, f"{page}/deliver", SCANS[0])
    assert desk.get(f"/purchase-orders/{order['id']}")["deliveries"] == []


@pytest.mark.parametrize(
    ("body", "line", "field"),
    [
        (goods(), {"expires_on": "2019-12-31"}, "lines[0].expires_on"),
        (goods(), {"produced_on": "2020-03-01"}, "lines[0].produced_on"),
        (money(), {"batch": "B-7"}, "lines[0].batch"),
    ],
)
def test_what_cannot_stand_on_a_package_names_its_field(
    desk: Desk, world: World, body: JSON, line: JSON, field: str
) -> None:
    gift = desk.post("/donations", body, "donor")
    told = {"occurred_at": "2020-02-06T10:00:00Z", "lines": [{"line": 1, "accepted": 5} | line]}
    assert problem(desk.post(f"/donations/{gift['id']}/receive", told, status=422))[1] == field
    # What is refused for its date may say so.
    if "expires_on" in line:
        refused = {"line": 1, "accepted": 0, "refused": 6000, "reason": "expired"} | line
        done = receive(desk.api, world, gift, [refused])
        assert done["status"] == "refused"
