"""Part of a lorry's load taken to another place: for a need that waits there, or onto the shelf."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from services.catalog.models import Item
from services.database import Database
from services.donations.models import EarmarkKind, LotEarmark
from services.journal.kinds import EntryKind
from services.journal.post import post
from services.journal.read import entries_of
from services.journal.record import Draft
from services.journal.verify import check_journal
from services.requests.models import Need, NeedStatus
from tests.shipments import (
    Goods,
    Sent,
    a_need,
    act,
    bring_to,
    count,
    outstanding,
    plan,
    show,
    where,
)
from tests.transport.orders import astray
from tests.transport.test_diverting import divert
from tests.world import NOW, World

JSON = dict[str, Any]


@pytest.fixture
def sent(api: TestClient, database: Database) -> Sent:
    """100 gloves and 40 respirators under way from W1 to H1."""
    sent = plan(database, Goods(100), Goods(40, item="n95_respirator"))
    bring_to(api, sent.id, "dispatch")
    return sent


@pytest.fixture
def need(database: Database) -> UUID:
    """H2 waits for 60 gloves."""
    with database.transaction() as session:
        return a_need(session, Goods(60), "H2")


def taken(line: int, quantity: int, need_id: object = None) -> JSON:
    return {"line": line, "quantity_base": quantity, "need_id": need_id and str(need_id)}


def line_of(shipment: JSON, lot: UUID) -> JSON:
    return next(line for line in shipment["lines"] if line["lot_id"] == str(lot))


def standing(database: Database, lot: UUID) -> dict[str, int]:
    with database.transaction() as session:
        assert list(check_journal(session)) == []
    return {at: pieces for at, pieces in where(database, lot).items() if pieces > 0}


def test_a_part_serves_a_need_there_and_the_rest_goes_on(
    api: TestClient, database: Database, world: World, sent: Sent, need: UUID
) -> None:
    gloves = sent.lots[0]
    of = line_of(show(api, sent.id), gloves)["line"]
    body = {"id": str(uuid4()), "lines": [taken(of, 60, need), taken(of, 10)]}
    first, again = divert(api, sent.id, **body), divert(api, sent.id, **body)
    assert first.status_code == 200, first.text
    assert first.json() == again.json()
    part = first.json()
    assert part["id"] != str(sent.id)
    assert (part["destination"], part["state"], part["due_on"]) == (
        "H2",
        "dispatched",
        "2020-02-07",
    )
    assert (part["diverted_from"], part["carrier"]) == (str(sent.id), "CARR1")
    assert [line["quantity_base"] for line in part["lines"]] == [60, 10]
    rest = show(api, sent.id)
    assert (rest["destination"], rest["state"]) == ("H1", "dispatched")
    assert line_of(rest, gloves)["quantity_base"] == 30
    assert [outstanding(database, each) for each in (*sent.needs, need)] == [70, 0, 0]
    on_part = f"shipment:{part['id']}/in_transit"
    order = part["lines"][1]["transfer_id"]
    assert standing(database, gloves) == {
        f"shipment:{sent.id}/in_transit/need:{sent.needs[0]}": 30,
        f"{on_part}/need:{need}": 60,
        f"{on_part}/transfer:{order}": 10,
    }
    with database.transaction() as session:
        kinds = [entry.kind for entry in entries_of(session, f"shipment:{sent.id}")]
    assert kinds == [EntryKind.DISPATCH, EntryKind.DIVERT]
    # Each is received by itself.
    for shipment, hospital in ((sent.id, "hospital"), (UUID(part["id"]), "hospital2")):
        assert act(api, shipment, "deliver").status_code == 200
        lines = [
            count(each["line"], each["quantity_base"]) for each in show(api, shipment)["lines"]
        ]
        answer = act(api, shipment, "receive", user=hospital, lines=lines)
        assert answer.status_code == 200, answer.text
        assert answer.json()["state"] == "received"
    assert standing(database, gloves) == {
        f"site:H1/received/need:{sent.needs[0]}": 30,
        f"site:H2/received/need:{need}": 60,
        "site:H2/available": 10,
    }
    assert [outstanding(database, each) for each in (*sent.needs, need)] == [70, 0, 0]
    assert astray(database) == []


def test_a_new_shipment_has_its_own_number_waybill_and_job(
    api: TestClient, world: World, sent: Sent
) -> None:
    carrier = world.bearer("carrier")
    link = {"id": str(uuid4()), "carrier": "CARR1", "day": "2020-02-04"}
    path = api.post("/api/v1/carrier-links", json=link, headers=carrier).json()["path"]
    api.post(f"/api/v1/shipments/{sent.id}/labels", json={"units": 1}, headers=carrier)
    part = divert(api, sent.id, lines=[taken(1, 5)]).json()
    papers = [
        api.get(f"/api/v1/shipments/{each}/waybill", headers=carrier).json()
        for each in (sent.id, part["id"])
    ]
    assert [(paper["consignee"], paper["pieces"]) for paper in papers] == [("H1", 135), ("H2", 5)]
    numbers = [paper["units"][0]["sscc"] for paper in papers]
    assert len(set(numbers)) == 2
    jobs = api.get(f"/en{path}").text
    assert f"{path}/{sent.id}" in jobs
    assert f"{path}/{part['id']}" in jobs
    assert api.get(f"/en{path}/{part['id']}").status_code == 200


def test_a_whole_line_may_go_and_everything_may_go_to_needs(
    api: TestClient, database: Database, sent: Sent
) -> None:
    with database.transaction() as session:
        needs = [
            a_need(session, Goods(40, item=item), "H2") for item in ("gloves", "surgical_mask")
        ]
    lines = {line["item"]: line["line"] for line in show(api, sent.id)["lines"]}
    answer = divert(api, sent.id, lines=[taken(lines["gloves"], 100)])
    assert answer.status_code == 200, answer.text
    rest = show(api, sent.id)
    assert [line["item"] for line in rest["lines"]] == ["n95_respirator"]
    # All that is left, to two purposes; a respirator stands in for a mask.
    split = [taken(lines["n95_respirator"], 30, needs[1]), taken(lines["n95_respirator"], 10)]
    later = "2020-02-04T09:00:00Z"
    whole = divert(api, sent.id, lines=split, id=str(uuid4()), occurred_at=later)
    assert whole.status_code == 200, whole.text
    assert (whole.json()["id"], whole.json()["destination"]) == (str(sent.id), "H2")
    assert sorted(line["quantity_base"] for line in whole.json()["lines"]) == [10, 30]
    assert [outstanding(database, each) for each in needs] == [40, 10]
    assert [outstanding(database, each) for each in sent.needs] == [100, 40]
    # And back to what it was for at first.
    back = divert(
        api,
        sent.id,
        id=str(uuid4()),
        destination="H1",
        occurred_at=later,
        lines=[
            taken(line["line"], line["quantity_base"], sent.needs[1])
            for line in whole.json()["lines"][:1]
        ],
    )
    assert back.status_code == 200, back.text
    assert astray(database) == []


def test_goods_for_a_need_are_those_that_wait_there(
    api: TestClient, database: Database, sent: Sent, need: UUID
) -> None:
    with database.transaction() as session:
        masks = a_need(session, Goods(9, item="surgical_mask"), "H2")
    of = {line["item"]: line["line"] for line in show(api, sent.id)["lines"]}
    gloves, respirators = of["gloves"], of["n95_respirator"]
    for lines, status, field in (
        ([taken(gloves, 61, need)], 409, "lines[0].need_id"),
        ([taken(gloves, 10), taken(respirators, 1, need)], 409, "lines[1].need_id"),
        ([taken(gloves, 1, masks)], 409, "lines[0].need_id"),
        ([taken(gloves, 1, sent.needs[0])], 409, "lines[0].need_id"),
        ([taken(gloves, 1, uuid4())], 404, "lines[0].need_id"),
        ([taken(gloves, 101)], 422, "lines[0].quantity_base"),
        ([taken(gloves, 60), taken(gloves, 41, need)], 422, "lines[1].quantity_base"),
        ([taken(gloves, 1, need), taken(gloves, 1, need)], 422, "lines[1].line"),
        ([taken(9, 1)], 422, "lines[0].line"),
        ([taken(gloves, 0)], 422, "lines[0].quantity_base"),
        ([], 422, "lines"),
    ):
        before = show(api, sent.id)
        answer = divert(api, sent.id, lines=lines)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)
        assert show(api, sent.id) == before
    with database.transaction() as session:
        session.get_one(Need, need).status = NeedStatus.CANCELLED
    assert divert(api, sent.id, lines=[taken(gloves, 1, need)]).status_code == 409
    assert divert(api, sent.id, user="carrier", lines=[taken(gloves, 1)]).status_code == 403
    assert outstanding(database, sent.needs[0]) == 0


def test_goods_that_may_not_be_used_as_they_come_go_to_no_need(
    api: TestClient, database: Database, need: UUID
) -> None:
    def refused(sent: Sent) -> JSON:
        answer = divert(api, sent.id, id=str(uuid4()), lines=[taken(1, 5, need)])
        assert answer.status_code == 409, answer.text
        return dict(answer.json())

    soon = plan(database, Goods(10, expires_on=date(2020, 2, 7)))
    recalled, cold, kept = (plan(database, Goods(10)) for _ in range(3))
    for sent in (soon, recalled, cold, kept):
        bring_to(api, sent.id, "dispatch")
    assert "expires on 2020-02-07" in refused(soon)["detail"]
    with database.transaction() as session:
        facts = {"lots": [str(recalled.lots[0])], "batches": []}
        post(
            session,
            Draft(uuid4(), EntryKind.RECALL_OPENED, NOW, "organisation:RELIEF", facts=facts),
        )
        session.add(LotEarmark(lot_id=kept.lots[0], kind=EarmarkKind.SITE, target="H1"))
    assert "is recalled" in refused(recalled)["detail"]
    assert refused(kept)["type"].endswith("need-not-waiting")
    with database.transaction() as session:
        gloves = session.get_one(Item, "gloves")
        gloves.least_centi, gloves.most_centi = 200, 800
    assert "must stay cold" in refused(cold)["detail"]
    assert divert(api, cold.id, id=str(uuid4()), lines=[taken(1, 5)]).status_code == 200


def test_what_got_warm_before_it_was_taken_out_is_kept_apart(
    api: TestClient, database: Database, world: World, sent: Sent
) -> None:
    with database.transaction() as session:
        gloves = session.get_one(Item, "gloves")
        gloves.least_centi, gloves.most_centi = 200, 800
    of = line_of(show(api, sent.id), sent.lots[0])["line"]
    readings = {"file": ("t.csv", b"2020-02-04T03:00Z,5\n2020-02-04T03:20Z,9.5\n")}
    path = f"/api/v1/shipments/{sent.id}/temperatures/{uuid4()}"
    assert api.post(path, files=readings, headers=world.bearer("carrier")).json()["breach"]
    part = divert(api, sent.id, lines=[taken(of, 20)]).json()
    assert act(api, UUID(part["id"]), "deliver").status_code == 200
    act(api, UUID(part["id"]), "receive", user="hospital2", lines=[count(1, 20)])
    assert standing(database, sent.lots[0])["site:H2/quarantine"] == 20


def test_goods_that_come_back_serve_their_need_again_and_fill_the_shelf(
    api: TestClient, database: Database
) -> None:
    back = plan(database, Goods(100))
    bring_to(api, back.id, "dispatch")
    assert divert(api, back.id).status_code == 200
    [need], later = back.needs, {"destination": "H1", "occurred_at": "2020-02-04T08:30:00Z"}
    part = divert(api, back.id, lines=[taken(1, 20, need), taken(1, 10)], **later)
    assert part.status_code == 200, part.text
    rest = divert(api, back.id, lines=[taken(1, 30, need), taken(1, 40)], **later)
    assert rest.status_code == 200, rest.text
    for shipment in (back.id, UUID(part.json()["id"])):
        assert act(api, shipment, "deliver").status_code == 200
        lines = [
            count(line["line"], line["quantity_base"]) for line in show(api, shipment)["lines"]
        ]
        assert act(api, shipment, "receive", lines=lines).status_code == 200
    held = {f"site:H1/received/need:{need}": 50, "site:H1/available": 50}
    assert standing(database, back.lots[0]) == held
    assert outstanding(database, need) == 50
    assert astray(database) == []


def test_what_came_back_and_never_left_is_picked_again(
    api: TestClient, database: Database, world: World
) -> None:
    back = plan(database, Goods(100))
    bring_to(api, back.id, "dispatch")
    assert divert(api, back.id).status_code == 200
    there = {"destination": "H1", "occurred_at": "2020-02-04T08:30:00Z"}
    again = divert(api, back.id, lines=[taken(1, 100, back.needs[0])], **there)
    assert again.status_code == 200, again.text
    with database.transaction() as session:
        [left, *_] = entries_of(session, f"shipment:{back.id}")
    assert left.kind is EntryKind.DISPATCH
    undo = {"id": str(uuid4()), "reason": "it never left"}
    path = f"/api/v1/entries/{left.id}/correct"
    assert api.post(path, json=undo, headers=world.bearer("carrier")).status_code == 201
    assert show(api, back.id)["state"] == "picked"
    assert standing(database, back.lots[0]) == {f"site:W1/reserved/need:{back.needs[0]}": 100}
    sent_again = act(api, back.id, "dispatch", occurred_at="2020-02-04T09:00:00Z")
    assert sent_again.json()["state"] == "dispatched"


def test_an_id_of_another_diversion_is_refused(api: TestClient, sent: Sent) -> None:
    body = {"id": str(uuid4()), "lines": [taken(1, 5)]}
    assert divert(api, sent.id, **body).status_code == 200
    for change in ({"due_on": "2020-02-08"}, {"lines": [taken(1, 6)]}):
        answer = divert(api, sent.id, **body | change)
        assert answer.json()["type"].endswith("id-reused"), answer.text
