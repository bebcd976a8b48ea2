"""A day of a hospital and of its region's desk, through the API."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.requests.served import STAGES
from services.requests.watch import watch
from tests.requests.hospital import Desk, bring, grow_older, open_alerts, reserve


@pytest.fixture
def hospital(api: TestClient) -> Desk:
    return Desk(api, "hospital")


@pytest.fixture
def desk(api: TestClient) -> Desk:
    return Desk(api, "dispatcher")


def look(database: Database) -> None:
    with database.transaction() as session:
        watch(session, datetime.now(UTC))


def told(desk: Desk, need: str) -> list[str]:
    return [change["what"] for change in desk.get(f"/needs/{need}/changes")]


def drafted(hospital: Desk, desk: Desk) -> str:
    """A draft that only its hospital knows of; its id."""
    desk.rule(10, item="gloves", max_quantity_base=50, max_days_of_cover=3, note="small and bare")
    draft = hospital.ask(
        quantity=200, draft=True, stock_on_hand_base=90, use_per_day_base=60, suggested_base=400
    )
    assert (draft["progress"], draft["days_of_cover"]) == ("draft", 1.5)
    assert draft["stages"] == dict.fromkeys(STAGES, "none") | {"suggested": "complete"}
    page = f"/needs/{draft['id']}"
    assert desk.get("/needs") == []
    desk.refused("POST", f"{page}/approve", 409, version=1)
    return str(draft["id"])


def sent_and_decided(hospital: Desk, desk: Desk, database: Database, need: str) -> None:
    page = f"/needs/{need}"
    edited = hospital.send("PATCH", page, version=1, quantity=300).json()
    sent = hospital.post(f"{page}/submit", occurred_at="2020-02-03T10:00:00Z")
    assert (edited["version"], sent["status"], sent["outstanding_base"]) == (2, "submitted", 0)
    assert sent["posted_at"] == "2020-02-03T10:00:00Z"
    look(database)
    assert open_alerts(database)["need_to_approve", "desk:"]["needs"] == 1

    back = desk.post(f"{page}/return", reason="how many beds?")
    assert (back["status"], back["decision_reason"]) == ("returned", "how many beds?")
    edit = hospital.send("PATCH", page, version=back["version"], quantity=250, reason="80 beds")
    assert edit.json()["status"] == "returned"
    late = hospital.refused("POST", f"{page}/submit", 422)
    assert late["errors"][0]["field"] == "need_by"
    hospital.post(f"{page}/submit", occurred_at="2020-02-04T10:00:00Z")
    seen = desk.get(page)
    desk.refused("POST", f"{page}/approve", 422, version=seen["version"], approved_base=120)
    desk.refused("POST", f"{page}/approve", 409, version=1)
    granted = desk.post(
        f"{page}/approve", version=seen["version"], approved_base=120, reason="stock is short"
    )
    assert (granted["outstanding_base"], granted["stages"]["approved"]) == (120, "partly")
    assert (
        desk.post(f"{page}/approve", version=1, approved_base=120)["version"] == granted["version"]
    )
    look(database)
    assert ("need_to_approve", "desk:") not in open_alerts(database)


def lapsed_and_revived(hospital: Desk, database: Database, need: str) -> UUID:
    """Returns the lot of which 70 pieces are set aside for it meanwhile."""
    page = f"/needs/{need}"
    with database.transaction() as session:
        first = reserve(session, need, 70)
    partly = hospital.get(page)
    assert (partly["progress"], partly["committed_base"]) == ("partly_allocated", 70)
    assert partly["stages"]["committed"] == "partly"

    grow_older(database, 60)
    look(database)
    assert open_alerts(database)["need_lapsing", "site:H1"]["needs"] == 1
    hospital.post(f"{page}/confirm")
    look(database)
    assert ("need_lapsing", "site:H1") not in open_alerts(database)
    grow_older(database, 73)
    look(database)
    look(database)
    lapsed = hospital.get(page)
    assert (lapsed["status"], lapsed["outstanding_base"]) == ("lapsed", 0)
    assert "70 pieces stay reserved" in lapsed["notice"]
    assert open_alerts(database)["need_lapsed", "reserved:H1"]["reserved"] == 70
    revived = hospital.post(f"{page}/confirm")
    assert (revived["status"], revived["outstanding_base"]) == ("approved", 50)
    return first


def met(hospital: Desk, desk: Desk, database: Database, need: str, first: UUID) -> None:
    page = f"/needs/{need}"
    with database.transaction() as session:
        bring(session, need, 70, first)
        bring(session, need, 50, reserve(session, need, 50))
    now = hospital.get(page)
    assert (now["progress"], now["lapses_at"], now["stages"]["fulfilled"]) == (
        "fulfilled",
        None,
        "complete",
    )
    hospital.refused("POST", f"{page}/cancel", 409, reason="late")
    hospital.refused("POST", f"{page}/confirm", 409)
    desk.refused("POST", f"{page}/refuse", 409, reason="late")
    grow_older(database, 500)
    look(database)
    assert hospital.get(page)["progress"] == "fulfilled"
    request = hospital.get(f"/requests/{now['request_id']}")
    assert (request["state"], request["stages"]["fulfilled"]) == ("fulfilled", "complete")


def test_a_need_lives_from_its_draft_to_its_end(
    hospital: Desk, desk: Desk, database: Database
) -> None:
    need = drafted(hospital, desk)
    sent_and_decided(hospital, desk, database, need)
    first = lapsed_and_revived(hospital, database, need)
    met(hospital, desk, database, need, first)
    figures = ", urgent, by 2020-02-09, stock 90, use 60 a day"
    assert told(hospital, need)[:3] == [
        f"drafted: 200 piece{figures}",
        f"200 piece{figures} → 300 piece{figures}",
        "draft → submitted",
    ]
    assert "submitted → approved: 120 of 250 pieces" in told(hospital, need)
    assert told(hospital, need)[-2:] == [
        "approved → lapsed",
        "lapsed → approved: still needed",
    ]


def test_the_first_rule_that_fits_decides_and_says_so(hospital: Desk, desk: Desk) -> None:
    free = hospital.ask(item="surgical_mask")
    assert free["status"] == "approved"
    desk.rule(30, max_quantity_base=500)
    desk.rule(10, "ask", item="gloves", max_quantity_base=10)
    rule = desk.rule(20, region="420000", max_days_of_cover=2)
    asked = {
        "approved": [
            hospital.ask(quantity=500),
            hospital.ask(
                item="n95_respirator", quantity=9_000, stock_on_hand_base=10, use_per_day_base=5
            ),
        ],
        "submitted": [
            hospital.ask(quantity=10, duplicate="add"),
            hospital.ask(quantity=501, duplicate="add"),
            hospital.ask(
                quantity=9_000, duplicate="add", stock_on_hand_base=11, use_per_day_base=5
            ),
            hospital.ask(quantity=9_000, duplicate="add", stock_on_hand_base=0, use_per_day_base=0),
        ],
    }
    for status, needs in asked.items():
        assert [need["status"] for need in needs] == [status] * len(needs)
    cover = asked["approved"][1]
    [_, decided] = hospital.get(f"/needs/{cover['id']}/changes")
    assert (decided["what"], decided["organisation"]) == ("submitted → approved", None)
    assert decided["reason"] == (
        "rule 20 (approve: in 420000, cover up to 2 days); 9000 pieces of n95_respirator, "
        "cover 2.0 days"
    )
    # More than a rule approved is asked of the rules again.
    small = asked["approved"][0]
    more = hospital.send("PATCH", f"/needs/{small['id']}", version=1, quantity=600).json()
    assert (more["status"], more["approved_base"], more["outstanding_base"]) == (
        "submitted",
        None,
        0,
    )
    assert desk.send("DELETE", f"/approval-rules/{rule}").status_code == 204
    assert [each["position"] for each in desk.get("/approval-rules")] == [10, 30]


def test_rules_of_one_region_leave_the_others_alone(api: TestClient, desk: Desk) -> None:
    desk.rule(1, "ask", region="420500")
    assert Desk(api, "hospital").ask()["status"] == "approved"
    assert Desk(api, "hospital2").ask(site="H2")["status"] == "submitted"


def test_only_a_regions_desk_decides_there(
    api: TestClient, hospital: Desk, desk: Desk, database: Database
) -> None:
    admin = Desk(api, "admin")
    desk.rule(1, "ask")
    need = hospital.ask()
    assert desk.send("PUT", "/region-desks/420000", organisation="RELIEF").status_code == 403
    admin.refused("PUT", "/region-desks/420000", 422, organisation="HOSP1")
    admin.refused("PUT", "/region-desks/nowhere", 404, organisation="RELIEF")
    other = {"code": "OTHER", "kind": "authority", "name_en": "Other", "name_zh": "其他"}
    assert admin.send("POST", "/organisations", **other).is_success
    assert admin.send("PUT", "/region-desks/420000", organisation="OTHER").json() == [
        {"region": "420000", "organisation": "OTHER"}
    ]
    page = f"/needs/{need['id']}"
    for act, body in (
        ("approve", {"version": need["version"]}),
        ("refuse", {"reason": "no"}),
        ("return", {"reason": "no"}),
    ):
        assert "OTHER" in desk.refused("POST", f"{page}/{act}", 403, **body)["detail"]
        hospital.refused("POST", f"{page}/{act}", 403, **body)
    desk.refused("PUT", "/approval-rules/00000000-0000-0000-0000-000000000001", 403,
                 position=1, outcome="approve", region="420100")  # fmt: skip
    assert desk.post("/needs/lapse", at="2020-03-01T00:00:00Z") == []
    # The smallest region with a desk counts.
    admin.send("PUT", "/region-desks/420100", organisation="RELIEF")
    assert desk.post(f"{page}/approve", version=need["version"])["status"] == "approved"
    admin.send("PUT", "/region-desks/420100", organisation=None)
    desk.refused("POST", f"{page}/refuse", 403, reason="no")
    look(database)


def test_a_refused_need_is_over(hospital: Desk, desk: Desk) -> None:
    desk.rule(1, "ask")
    need = hospital.ask()
    page = f"/needs/{need['id']}"
    for _ in range(2):
        assert desk.post(f"{page}/refuse", reason="not for this")["progress"] == "refused"
    hospital.refused("PATCH", page, 409, version=2, quantity=5)
    hospital.refused("POST", f"{page}/submit", 409)
    hospital.refused("POST", f"{page}/confirm", 409)
    desk.refused("POST", f"{page}/approve", 409, version=2)
    assert hospital.ask()["status"] == "submitted"


def test_a_draft_is_its_hospitals_own_and_can_be_deleted(
    api: TestClient, hospital: Desk, desk: Desk
) -> None:
    draft = hospital.ask(draft=True)
    page = f"/needs/{draft['id']}"
    desk.refused("GET", page, 404)
    Desk(api, "hospital2").refused("DELETE", page, 403)
    assert hospital.send("DELETE", page).status_code == 204
    hospital.refused("GET", page, 404)
    hospital.refused("DELETE", page, 404)
    posted = hospital.ask()
    assert hospital.refused("DELETE", f"/needs/{posted['id']}", 409)["type"].endswith("not-a-draft")


def test_a_request_is_submitted_as_a_whole(hospital: Desk) -> None:
    draft = hospital.ask(draft=True)
    url, when = f"/requests/{draft['request_id']}/submit", {"occurred_at": "2020-02-03T09:00:00Z"}
    sent = hospital.post(url, **when)
    assert (sent["state"], sent["needs"][0]["status"]) == ("approved", "approved")
    assert hospital.post(url, **when) == sent
