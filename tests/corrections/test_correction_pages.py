"""Corrections on pages, without scripts: a preview, a reason, and both sides for everybody."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from services.corrections import rules
from services.database import Database
from services.web.pages import environment
from tests import gifts
from tests.browser import Browser, went_to
from tests.corrections.acts import WHY, corrected, entry_of, sent
from tests.shipments import Goods, act, bring_to, count, plan
from tests.test_pages_public import check_strict
from tests.world import World, stock

Open = Callable[[str | None], Browser]


@pytest.fixture
def browser(api: TestClient, database: Database) -> Open:
    return lambda username: Browser(api, database, username)


def test_a_consignee_corrects_on_pages_and_everybody_sees_both_sides(
    browser: Open, api: TestClient, database: Database
) -> None:
    shipment = plan(database, Goods(100))
    bring_to(api, shipment.id, "receive", [count(1, 90, short=10)])
    document = f"shipment:{shipment.id}"
    first = entry_of(database, document, "disburse_goods")
    hospital = browser("hospital")
    entry, page = f"/en/entries/{first}", f"/en/entries/{first}/correct"
    assert f'href="{page}"' in hospital.get(entry)
    assert "Correct this" not in browser("hospital2").get(entry)
    preview = hospital.get(page)
    assert "90 pieces of gloves" in preview
    assert "received again with the right count" in preview
    empty = hospital.fill(page, {"reason": ""})
    assert empty.status_code == 422
    assert 'id="reason-slip"' in empty.text
    form = hospital.form(page)
    for _ in range(2):
        assert went_to(hospital.send(form, reason=WHY)) == entry
    again = [count(1, 100)]
    assert act(api, shipment.id, "receive", lines=again).status_code == 200
    second = entry_of(database, document, "disburse_goods")
    public = browser(None)
    for language in ("en", "zh"):
        answer = api.get(f"/{language}/entries/{first}")
        told = answer.text
        assert f"/{language}/entries/{second}" in told
        assert WHY not in told
        check_strict(answer.headers["content-security-policy"], told)
    assert "HOSP1 en corrected this" in public.get(entry)
    with_reason = hospital.get("/en/corrections")
    assert WHY in with_reason
    listed = public.get("/en/corrections?kind=disburse_goods")
    assert f"/en/entries/{first}" in listed
    assert f"/en/entries/{second}" in listed
    assert WHY not in listed
    assert "HOSP1 en" in listed
    assert "already" in hospital.get(page)


def test_what_stands_in_the_way_is_shown(browser: Open, database: Database) -> None:
    with database.transaction() as session:
        lot = stock(session)
    desk = browser("dispatcher")
    body = {
        "id": str(uuid4()),
        "site": "W1",
        "lot_id": str(lot),
        "quantity": 5,
        "taken_from": "available",
        "put_to": "damaged",
        "occurred_at": "2020-02-05T08:00:00Z",
        "reason": "wet",
    }
    sent(desk.client, "/stock/sort", body, "dispatcher")
    lost = {key: body[key] for key in body if key != "put_to"} | {"id": str(uuid4())}
    lost |= {"taken_from": "damaged", "cause": "breakage"}
    sent(desk.client, "/stock/losses", lost, "dispatcher")
    page = desk.get(f"/en/entries/{body['id']}/correct")
    assert "This can't be taken back" in page
    assert f"/en/entries/{lost['id']}" in page
    browser("hospital").get(f"/en/entries/{body['id']}/correct", 403)
    desk.get(f"/en/entries/{uuid4()}/correct", 404)


def test_the_public_figures_stay_right(browser: Open, api: TestClient, world: World) -> None:
    gift = gifts.pledge(api, world, gifts.goods())
    wrong = gifts.receive(api, world, gift)
    corrected(api, wrong["entry_id"], "dispatcher")
    public = browser(None)
    home = public.get("/en/")
    assert f"/en/donations/{gift['id']}" not in home
    assert "6,000" not in home
    followed = public.get(f"/en/donations/{gift['id']}")
    assert "This receipt was corrected" in followed
    assert "Complete" in followed
    line = {"line": 1, "accepted": 2, "unit": "carton"}
    gifts.receive(api, world, gift, [line])
    home = public.get("/en/")
    assert "4,000" in home
    assert f"/en/donations/{gift['id']}" in home


def test_the_list_is_filtered_sorted_and_a_file(
    api: TestClient, database: Database, world: World
) -> None:
    for quantity in (1, 2, 3):
        gift = gifts.pledge(api, world, gifts.money(quantity))
        corrected(api, gifts.receive(api, world, gift)["entry_id"], "dispatcher")
    newest = api.get("/api/v1/corrections?limit=2")
    assert newest.headers["X-Total-Count"] == "3"
    assert [each["moved"][0]["quantity_base"] for each in newest.json()] == [3, 2]
    assert {each["reason"] for each in newest.json()} == {None}
    oldest = api.get("/api/v1/corrections?sort=said&item=CNY&kind=receive_gift")
    assert [each["moved"][0]["quantity_base"] for each in oldest.json()] == [1, 2, 3]
    for nothing in ("item=gloves", "kind=lose", "organisation=HOSP1", "last=2020-01-01"):
        assert api.get(f"/api/v1/corrections?{nothing}").json() == []
    for wrong in ("first=0000-00-00", "kind=tea", "sort=tea", "item=%00"):
        assert api.get(f"/api/v1/corrections?{wrong}").status_code == 422
    assert api.get("/api/v1/corrections?first=0001-01-01&last=9999-12-31").status_code == 200
    file = api.get("/api/v1/corrections?format=csv")
    assert file.text.count("\n") == 4
    mine = api.get("/api/v1/corrections", headers=world.bearer("dispatcher")).json()
    assert {each["reason"] for each in mine} == {WHY}
    others = api.get("/api/v1/corrections", headers=world.bearer("hospital")).json()
    assert {each["reason"] for each in others} == {None}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_outcome_has_its_words(language: str) -> None:
    words = environment(language).get_template("labels_corrections.html").module.AFTER  # type: ignore[attr-defined]
    offered = {rule.after for rule in rules.OFFERED.values()}
    assert offered == set(words)
