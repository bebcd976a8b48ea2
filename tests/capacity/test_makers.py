"""Who may report output: by the maker's paper, a desk's decisions and the rules."""

from datetime import timedelta
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from services.capacity.models import Maker
from services.database import Database
from services.parties.models import Organisation, OrganisationKind, Site
from tests.capacity.papers import Desk, an_offer, paper
from tests.world import World

UNREGISTERED = "unregistered"


def require_registration(desk: Desk) -> None:
    body = {"registration_required": True, "reason": "by law"}
    desk.call("PATCH", "/capacity-rules", "dispatcher", json=body)


def test_a_maker_without_a_paper_goes_on_until_a_rule_wants_one(
    api: TestClient, world: World
) -> None:
    desk = Desk(api, world)
    [maker] = desk.get("/makers")
    assert (maker["state"], maker["may_report"]) == (UNREGISTERED, True)
    desk.made(5)
    require_registration(desk)
    assert desk.get("/makers/MAKER", "maker")["may_report"] is False
    refused = desk.made(5, 409)
    assert refused["type"] == "urn:medrelay:problem:maker-not-approved"
    assert refused["errors"][0]["field"] == "item"
    desk.plan(100)
    desk.order(10, 409)
    desk.post("/surplus-offers", an_offer(), "maker", 409)
    assert desk.get("/productions")[0]["quantity_base"] == 5


def test_a_new_maker_waits_and_an_old_one_goes_on(api: TestClient, world: World) -> None:
    desk = Desk(api, world)
    desk.put("/makers/MAKER", paper(), "maker")
    desk.made(5, 409)
    desk.post("/makers/MAKER/allow", {"allowed": True, "reason": "inspected"}, "dispatcher")
    desk.made(5)
    desk.post("/makers/MAKER/allow", {"allowed": False, "reason": "over"}, "dispatcher")
    desk.made(5, 409)


def test_who_made_before_may_go_on_with_its_first_paper(api: TestClient, world: World) -> None:
    desk = Desk(api, world)
    desk.made(5)
    handed_in = desk.put("/makers/MAKER", paper(), "maker")
    assert (handed_in["allowed"], handed_in["may_report"]) == (True, True)
    desk.made(5, batch="B-2")


def test_approval_is_by_item_and_outlives_a_new_paper_that_says_the_same_of_it(
    api: TestClient, world: World
) -> None:
    desk = Desk(api, world)
    desk.put("/makers/MAKER", paper("gloves"), "maker")
    desk.post("/makers/MAKER/approve", {"version": 1}, "dispatcher")
    desk.made(5)
    desk.made(5, 409, item="surgical_mask")
    desk.put("/makers/MAKER", paper("gloves", "surgical_mask"), "maker")
    desk.made(5, batch="B-2")
    desk.made(5, 409, item="surgical_mask")
    desk.post("/makers/MAKER/approve", {"version": 2}, "dispatcher")
    desk.made(5, item="surgical_mask")
    # Another licence is another paper.
    desk.put("/makers/MAKER", paper("gloves", licence="L-2"), "maker")
    desk.made(5, 409)


def test_a_suspended_maker_makes_nothing_until_it_is_approved_again(
    api: TestClient, world: World
) -> None:
    desk = Desk(api, world)
    desk.put("/makers/MAKER", paper(), "maker")
    desk.post("/makers/MAKER/approve", {"version": 1}, "dispatcher")
    reason = {"version": 1, "reason": "unsafe"}
    for _ in range(2):
        assert desk.post("/makers/MAKER/suspend", reason, "approver")["state"] == "suspended"
    desk.made(5, 409)
    desk.put("/makers/MAKER", paper("n95_respirator"), "maker", 409)
    desk.post("/makers/MAKER/allow", {"allowed": True, "reason": "x"}, "dispatcher", 409)
    shown = desk.post("/makers/MAKER/approve", {"version": 1}, "dispatcher")
    assert [it["what"] for it in shown["history"]][1:] == [
        "submitted → approved, version 1",
        "approved → suspended, version 1",
        "suspended → approved, version 1",
    ]
    desk.made(5)


def test_a_paper_that_changed_meanwhile_isnt_decided_on(api: TestClient, world: World) -> None:
    desk = Desk(api, world)
    desk.put("/makers/MAKER", paper(), "maker")
    desk.put("/makers/MAKER", paper(), "maker")
    assert desk.get("/makers")[0]["version"] == 1
    desk.put("/makers/MAKER", paper(licence="L-2"), "maker")
    refused = desk.post("/makers/MAKER/approve", {"version": 1}, "dispatcher", 409)
    assert refused["errors"][0]["field"] == "version"
    assert desk.get("/makers")[0]["state"] == "submitted"
    desk.post("/makers/MAKER/approve", {"version": 2}, "dispatcher")
    desk.post("/makers/MAKER/ask-back", {"version": 2, "reason": "x"}, "dispatcher", 409)


@pytest.mark.parametrize(
    ("path", "user", "status"),
    [
        ("/makers/MAKER", "hospital", 403),
        ("/makers/MAKER", "dispatcher", 403),
        ("/makers/HOSP1", "maker", 403),
        ("/makers/HOSP1", "admin", 422),
        ("/makers/NOBODY", "admin", 404),
        ("/makers/MAKER", "admin", 200),
    ],
)
def test_a_paper_is_its_makers_own(
    api: TestClient, world: World, path: str, user: str, status: int
) -> None:
    Desk(api, world).put(path, paper(), user, status)


@pytest.mark.parametrize("act", ["approve", "ask-back", "suspend"])
def test_desks_decide_and_nobody_else(api: TestClient, world: World, act: str) -> None:
    desk = Desk(api, world)
    body = {"version": 1, "reason": "so"}
    desk.post(f"/makers/MAKER/{act}", body, "dispatcher", 404)
    desk.put("/makers/MAKER", paper(), "maker")
    for user in ("maker", "auditor", "hospital"):
        desk.post(f"/makers/MAKER/{act}", body, user, 403)
    if act != "approve":
        desk.post(f"/makers/MAKER/{act}", {"version": 1}, "dispatcher", 422)
    for user in ("maker", "auditor"):
        desk.call("PATCH", "/capacity-rules", user, 403, json={"reason": "x"})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"licence_number": ""}, "licence_number"),
        ({"licence_number": "a\x00b"}, "licence_number"),
        ({"products": []}, "products"),
        ({"products": [{"item": "cake", "registration_number": "1"}]}, "products[0].item"),
        ({"products": paper("gloves", "gloves")["products"]}, "products[1].item"),
    ],
)
def test_a_bad_paper_names_its_field(
    api: TestClient, world: World, changes: dict[str, object], field: str
) -> None:
    desk = Desk(api, world)
    desk.put("/makers/MAKER", paper(), "maker")
    headers = world.bearer("maker")
    told = api.put("/api/v1/makers/MAKER", json=paper() | changes, headers=headers)
    assert told.status_code in {404, 422}, told.text
    assert told.json()["errors"][0]["field"] == field
    assert desk.get("/makers")[0]["licence_number"] == "L-1"


def test_a_documents_readers_are_its_maker_and_the_desks(api: TestClient, world: World) -> None:
    desk = Desk(api, world)
    kept = desk.upload("/makers/MAKER/files", "maker", 201)
    again = desk.upload("/makers/MAKER/files", "maker", 201)
    assert again == kept
    path = f"/makers/MAKER/files/{kept['sha256']}"
    for user in ("maker", "dispatcher", "auditor"):
        desk.get(path, user)
    desk.get(path, "hospital", 403)
    desk.get(f"/makers/HOSP1/files/{kept['sha256']}", "dispatcher", 404)
    for user in ("hospital", "dispatcher"):
        desk.upload("/makers/MAKER/files", user, 403)
    desk.upload("/makers/MAKER/files", "maker", 422, ("x.exe", b"MZ\x00"))


def test_a_certificate_is_attached_by_its_maker_and_read_by_who_sees_the_output(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        session.add(
            Organisation(
                code="MAKER2", kind=OrganisationKind.MANUFACTURER, name_en="2", name_zh="2"
            )
        )
        session.flush()
        site = session.exec(select(Site).where(Site.code == "F1")).one().model_dump()
        session.add(Site(**site | {"code": "F2", "organisation": "MAKER2"}))
    desk = Desk(api, world)
    other = desk.post(
        "/productions",
        {
            "id": str(uuid4()),
            "site": "F2",
            "item": "gloves",
            "day": "2020-02-03",
            "quantity": 1,
            "batch": "B",
            "produced_on": "2020-02-03",
        },
        "admin",
        201,
    )
    path = f"/productions/{other['id']}/files"
    desk.upload(path, "maker", 403)
    desk.upload(path, "dispatcher", 403)
    kept = desk.upload(path, "admin", 201)
    desk.get(f"{path}/{kept['sha256']}", "dispatcher")
    desk.get(f"{path}/{kept['sha256']}", "maker", 403)
    desk.get(f"{path}/{'0' * 64}", "dispatcher", 404)
    desk.get(f"/productions/{uuid4()}/files/{kept['sha256']}", "dispatcher", 404)
    desk.upload(f"/productions/{uuid4()}/files", "maker", 404)


def test_a_paper_over_its_time_is_shown(api: TestClient, world: World, database: Database) -> None:
    desk = Desk(api, world)
    desk.put("/makers/MAKER", paper(), "maker")
    with database.transaction() as session:
        session.get_one(Maker, "MAKER").submitted_at -= timedelta(hours=25)
    [maker] = desk.get("/makers", sort="-submitted_at")
    assert (maker["waiting_hours"], maker["overdue"]) == (25, True)
    assert desk.get("/makers", state=UNREGISTERED) == []
    desk.get("/makers", "maker", 403)
