"""Alerts through the API: who sees which, what is done about them, and what is kept quiet."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from services.alerts.models import AlertKind, Severity
from services.alerts.service import close_alert
from services.database import Database
from services.parties.models import Role
from tests.alerts.raised import late_shipment
from tests.world import World


class Client:
    """The API as one user."""

    def __init__(self, api: TestClient, world: World, username: str) -> None:
        self._api, self._headers = api, world.bearer(username)

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        answer = self._api.get(f"/api/v1/{path}", params=query, headers=self._headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, path: str, body: dict[str, Any], status: int = 200) -> Any:
        return self.send("POST", path, body, status).json()

    def put(self, path: str, body: dict[str, Any], status: int = 200) -> Any:
        return self.send("PUT", path, body, status).json()

    def send(self, method: str, path: str, body: dict[str, Any], status: int) -> Response:
        url = f"/api/v1/{path}"
        answer = self._api.request(method, url, json=body, headers=self._headers)
        assert answer.status_code == status, answer.text
        return answer

    def kinds(self, **query: Any) -> list[str]:
        return [each["kind"] for each in self.get("alerts", **query)]


@pytest.fixture
def clients(api: TestClient, world: World) -> Any:
    return lambda username: Client(api, world, username)


def test_a_desks_whole_day(clients: Any, database: Database) -> None:
    """Raised, seen in order, acknowledged, handed on, muted, heard again, over."""
    with database.transaction() as session:
        late = late_shipment(session)
        recall = late_shipment(
            session,
            "recall:1",
            kind=AlertKind.RECALL,
            severity=Severity.CRITICAL,
            facts={"item": "gloves", "batch": "B<1>", "gathered": 40, "under_way": 1200},
            organisation=None,
            site=None,
        )
    desk, hospital = clients("dispatcher"), clients("hospital")
    assert desk.kinds() == ["recall", "shipment_late"]
    assert hospital.kinds() == ["shipment_late"]
    assert clients("hospital2").kinds() == []
    assert clients("approver").kinds() == []
    assert clients("admin").kinds() == ["recall", "shipment_late"]
    told = desk.get(f"alerts/{recall.id}")
    assert told["says"] == (
        "gloves of batch B<1> is recalled; pieces gathered: 40, still under way: 1,200."
    )
    zh = hospital.get(f"alerts/{late.id}", lang="zh")["says"]
    assert zh == "CARR1 中从W1 中运往H1 中的物资应于2020年2月5日到达。"
    assert hospital.get(f"alerts/{late.id}")["region"] == "420100"
    clients("hospital2").get(f"alerts/{late.id}", 404)

    for _ in range(2):
        known = desk.post(f"alerts/{late.id}/acknowledge", {"reason": "at the bridge"})
        assert known["acknowledged_by"] == "dispatcher"
        assert [each["what"] for each in known["history"]] == ["acknowledged"]
    assert hospital.post(f"alerts/{late.id}/acknowledge", {})["acknowledged_by"] == "dispatcher"
    assert desk.kinds(state="waiting") == ["recall"]
    assert desk.kinds(state="acknowledged") == ["shipment_late"]

    for _ in range(2):
        given = desk.post(f"alerts/{recall.id}/assign", {"username": "admin"})
        assert given["assigned_to"] == "admin"
        assert [each["what"] for each in given["history"]] == ["assigned nobody → admin"]
    assert clients("admin").kinds(assigned_to_me=True) == ["recall"]
    assert desk.kinds(assigned_to_me=True) == []
    assert desk.post(f"alerts/{recall.id}/assign", {})["assigned_to"] is None

    until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    body = {"id": str(uuid4()), "kind": "recall", "until": until, "reason": "known"}
    muted = desk.post("alert-mutes", body, 201)
    assert desk.post("alert-mutes", body)["muted_at"] == muted["muted_at"]
    assert desk.kinds() == ["shipment_late"]
    assert desk.kinds(state="muted") == ["recall"]
    assert desk.kinds(scope="all") == ["recall", "shipment_late"]
    assert clients("admin").kinds() == ["recall", "shipment_late"]
    assert [each["id"] for each in desk.get("alert-mutes")] == [body["id"]]
    for _ in range(2):
        desk.post(f"alert-mutes/{body['id']}/end", {})
    assert desk.kinds() == ["recall", "shipment_late"]

    with database.transaction() as session:
        close_alert(session, AlertKind.RECALL, "recall:1")
    assert desk.kinds() == ["shipment_late", "recall"]
    assert desk.kinds(state="closed") == ["recall"]
    over = desk.post(f"alerts/{recall.id}/acknowledge", {}, 409)
    assert over["type"] == "urn:medrelay:problem:alert-over"


def test_a_mute_of_the_organisation_is_quiet_for_all_of_it_and_no_other(
    clients: Any, database: Database
) -> None:
    with database.transaction() as session:
        late_shipment(session)
        late_shipment(session, "shipment:2")
    until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    body = {"id": str(uuid4()), "subject": "shipment:1", "until": until}
    clients("dispatcher").post("alert-mutes", body | {"whole_organisation": True}, 201)
    assert clients("admin").kinds() == ["shipment_late"]
    assert len(clients("hospital").kinds()) == 2
    clients("hospital").post(f"alert-mutes/{body['id']}/end", {}, 404)
    clients("auditor").post(f"alert-mutes/{body['id']}/end", {}, 403)
    clients("auditor").post(
        "alert-mutes", body | {"id": str(uuid4()), "whole_organisation": True}, 403
    )
    clients("hospital").post("alert-mutes", body, 404)
    clients("dispatcher").post("alert-mutes", body | {"kind": "recall"}, 422)


@pytest.mark.parametrize("days", [-1, 0, 91, 100_000])
def test_a_mute_ends_soon_but_not_at_once(clients: Any, days: int) -> None:
    until = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    body = {"id": str(uuid4()), "kind": "recall", "until": until}
    refused = clients("dispatcher").post("alert-mutes", body, 422)
    assert refused["errors"][0]["field"] == "until"
    assert clients("dispatcher").get("alert-mutes") == []


def test_what_is_muted_must_be_named(clients: Any) -> None:
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    refused = clients("dispatcher").post("alert-mutes", {"id": str(uuid4()), "until": until}, 422)
    assert "name a kind, a subject, or both" in refused["detail"]


def test_an_alert_is_handed_to_a_colleague_who_sees_it_and_to_no_other(
    clients: Any, database: Database
) -> None:
    with database.transaction() as session:
        late = late_shipment(session)
    for stranger in ("hospital", "approver", "auditor", "nobody"):
        refused = clients("dispatcher").post(
            f"alerts/{late.id}/assign", {"username": stranger}, 422
        )
        assert refused["errors"][0] == {
            "field": "username",
            "value": stranger,
            "mend": "name somebody of your own organisation who may act on it",
        }
    with database.transaction() as session:
        seen = late_shipment(session, "shipment:9", roles=[Role.AUDITOR])
    clients("auditor").post(f"alerts/{seen.id}/acknowledge", {}, 403)
    clients("auditor").post(f"alerts/{seen.id}/assign", {}, 403)


def test_filters_sort_and_pages(clients: Any, database: Database, api: TestClient) -> None:
    with database.transaction() as session:
        late_shipment(session, "shipment:1", site="H2", organisation=None)
        late_shipment(session, "shipment:2", severity=Severity.NOTICE, item=None)
        late_shipment(session, "lot:3", kind=AlertKind.LOT_EXPIRED, severity=Severity.CRITICAL)
    desk = clients("dispatcher")
    subjects = lambda **query: [each["subject"] for each in desk.get("alerts", **query)]  # noqa: E731
    assert subjects() == ["lot:3", "shipment:1", "shipment:2"]
    assert subjects(sort="severity") == ["shipment:2", "shipment:1", "lot:3"]
    assert subjects(region="420500") == ["shipment:1"]
    assert len(subjects(region="420000")) == 3
    assert subjects(item="gloves", severity="warning") == ["shipment:1"]
    assert subjects(kind="lot_expired") == ["lot:3"]
    assert subjects(limit=1, offset=1) == ["shipment:1"]
    assert subjects(region="a\x00b") == []
    assert desk.get("alerts", 422, sort="facts")["errors"][0]["field"] == "sort"
    headers = {"Authorization": "Bearer token-of-dispatcher"}
    file = api.get("/api/v1/alerts?format=csv", headers=headers)
    assert len(file.text.splitlines()) == 4
    assert "says" in file.text.splitlines()[0]


def test_a_person_sees_what_they_ask_for(clients: Any, database: Database) -> None:
    with database.transaction() as session:
        late_shipment(session, "shipment:1", site="H2")
        late_shipment(session, "shipment:2", site="H1", item="surgical_mask")
        late_shipment(session, "shipment:3", site=None, item=None)
    desk = clients("dispatcher")
    default = desk.get("alert-subscription")
    assert (default["means"], default["least_severity"]) == ("at_once", "critical")
    assert clients("donor").get("alert-subscription")["means"] == "digest"
    wants = default | {"regions": ["420500"], "items": ["gloves", "gloves"], "digest_hour": 23}
    for _ in range(2):
        assert desk.put("alert-subscription", wants)["items"] == ["gloves"]
    found = {each["subject"] for each in desk.get("alerts")}
    assert found == {"shipment:1", "shipment:3"}
    assert len(desk.get("alerts", scope="all")) == 3
    desk.put("alert-subscription", wants | {"kinds": ["recall"]})
    assert desk.get("alerts") == []


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("regions", ["XX"], "regions[0]"),
        ("items", ["gloves", "nothing"], "items[1]"),
        ("digest_hour", 24, "digest_hour"),
        ("kinds", ["weather"], "kinds[0]"),
    ],
)
def test_a_subscription_names_what_is_there(
    clients: Any, field: str, value: Any, named: str
) -> None:
    desk = clients("dispatcher")
    before = desk.get("alert-subscription")
    refused = desk.put("alert-subscription", before | {field: value}, 422)
    assert refused["errors"][0]["field"] == named
    assert desk.get("alert-subscription") == before


@pytest.mark.parametrize(
    "address", ["a", "a@b@c", "a@b\r\nBcc: x@y", "<a@b>", "a b@c", "a@b,c@d", "ü@b", "@b", "a@-b"]
)
def test_an_address_is_one_mailbox(clients: Any, address: str) -> None:
    hospital = clients("hospital")
    hospital.put("email", {"email": address}, 422)
    assert hospital.get("email")["email"] is None


def test_an_address_is_set_and_taken_back(clients: Any) -> None:
    hospital = clients("hospital")
    hospital.put("email", {"email": "ward.7+alerts@hosp.example.org", "language": "zh"})
    assert hospital.get("email") == {
        "email": "ward.7+alerts@hosp.example.org",
        "language": "zh",
        "refused": False,
        "confirmed": False,
    }
    hospital.put("email", {})
    assert hospital.get("email")["email"] is None
