"""Desks' own pages lead whoever posted an entry to its correction, and nobody else."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from tests.browser import Browser
from tests.corrections.acts import WHY, corrected, entry_of, sent
from tests.shipments import Goods, bring_to, count, plan
from tests.test_capacity import output
from tests.world import stock

Open = Callable[[str | None], Browser]


@pytest.fixture
def browser(api: TestClient, database: Database) -> Open:
    return lambda username: Browser(api, database, username)


def _way(entry_id: object) -> str:
    return f'href="/en/entries/{entry_id}/correct"'


def test_a_shipments_page_leads_to_the_correction_of_its_receipt(
    browser: Open, api: TestClient, database: Database
) -> None:
    shipment = plan(database, Goods(100))
    bring_to(api, shipment.id, "receive", [count(1, 100)])
    receipt = entry_of(database, f"shipment:{shipment.id}", "disburse_goods")
    page = f"/en/shipments/{shipment.id}"
    hospital = browser("hospital")
    assert _way(receipt) in hospital.get(page)
    assert _way(receipt) not in browser("dispatcher").get(page)
    undone = corrected(api, receipt, "hospital")["reversal_id"]
    assert f'href="/en/entries/{undone}">Taken back' in hospital.get(page)
    assert _way(receipt) not in hospital.get(page)


@pytest.mark.parametrize("page", ["/en/stock/lots/{lot}?site=W1", "/en/stock/card?site=W1&item="])
def test_a_stock_card_leads_to_the_correction_of_each_line(
    browser: Open, api: TestClient, database: Database, page: str
) -> None:
    with database.transaction() as session:
        lot = stock(session)
    loss = {
        "id": str(uuid4()),
        "site": "W1",
        "lot_id": str(lot),
        "quantity": 5,
        "occurred_at": "2020-02-10T08:00:00Z",
        "reason": "as it was found",
        "cause": "theft",
    }
    sent(api, "/stock/losses", loss, "dispatcher")
    path = page.format(lot=lot) + ("gloves" if page.endswith("=") else "")
    office = browser("dispatcher")
    assert _way(loss["id"]) in office.get(path)
    assert _way(loss["id"]) not in browser("auditor").get(path)
    # The entry itself is where the card says.
    assert f'href="/en/entries/{loss["id"]}"' in office.get(path)
    undone = corrected(api, loss["id"], "dispatcher")["reversal_id"]
    told = office.get(path)
    assert f'href="/en/entries/{undone}">Taken back' in told
    assert WHY in told
    assert _way(undone) not in told


def test_a_report_of_output_leads_to_its_correction(browser: Open, api: TestClient) -> None:
    body = output()
    sent(api, "/productions", body, "maker")
    page = f"/en/capacity/outputs/{body['id']}"
    maker = browser("maker")
    assert _way(body["id"]) in maker.get(page)
    assert _way(body["id"]) not in browser("dispatcher").get(page)
    corrected(api, body["id"], "maker")
    assert WHY in maker.get(page)
