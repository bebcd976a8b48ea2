"""Anybody calls for help; desks hand on, take up or answer, and forget who it was."""

import re
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlmodel import Session, select
from starlette.requests import Request

from services.alerts.models import Alert
from services.database import Database
from services.parties.changes import changes_of
from services.requests.help import service
from services.requests.help.models import CallState, HelpCall
from services.web.limits import Throttle, caller_of
from services.web.pages import environment
from tests.browser import Browser, went_to
from tests.test_pages_public import check_strict
from tests.world import World

PATH = "/api/v1/help-calls"
NEED = {"item": "surgical_mask", "quantity": 600, "priority": "urgent", "need_by": "2020-02-08"}
WHEN = "2020-02-06T09:00:00+08:00"


@pytest.fixture(autouse=True)
def nobody_called_before(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = Throttle(10, 60, service.TooManyCalls)
    monkeypatch.setattr(service, "throttle", lambda: fresh)


def body(**changed: object) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "region": "420100",
        "words": "60 old people and no masks",
        "place": "Jiefang Avenue 1277",
        "contact": "138 0000 0000",
    } | changed


def call(api: TestClient, **changed: object) -> str:
    answer = api.post(PATH, json=body(**changed))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def act(api: TestClient, world: World, who: str, call_id: str, name: str, **said: Any) -> Response:
    return api.post(f"{PATH}/{call_id}/{name}", json=said, headers=world.bearer(who))


def problem(answer: Response) -> str:
    return str(answer.json()["type"].rpartition(":")[2])


def open_alerts(session: Session) -> list[str]:
    found = session.exec(select(Alert).where(Alert.closed_at == None)).all()  # noqa: E711
    return [alert.subject.partition("/")[2] for alert in found]


def test_a_call_becomes_a_need(api: TestClient, world: World, database: Database) -> None:
    call_id = call(api)
    assert api.get(f"{PATH}/{call_id}").json()["state"] == "open"
    assert "138" not in api.get(f"{PATH}/{call_id}").text
    seen = api.get(f"{PATH}/{call_id}/desk", headers=world.bearer("dispatcher")).json()
    assert seen["contact"] == "138 0000 0000"
    given = [act(api, world, "dispatcher", call_id, "assign", site="H1") for _ in range(2)]
    assert [(one.status_code, one.json()["state"]) for one in given] == [(200, "assigned")] * 2
    with database.transaction() as session:
        assert open_alerts(session) == ["H1"]
    said = {"site": "H1", "need": NEED, "occurred_at": WHEN}
    taken = [act(api, world, "hospital", call_id, "take-up", **said) for _ in range(2)]
    assert [one.status_code for one in taken] == [200, 200]
    request = taken[0].json()["request_id"]
    posted = api.get(f"/api/v1/requests/{request}", headers=world.bearer("hospital")).json()
    assert [(it["item"], it["quantity"]) for it in posted["needs"]] == [("surgical_mask", 600)]
    with database.transaction() as session:
        row = session.exec(select(HelpCall)).one()
        assert (row.place, row.contact, row.state) == (None, None, CallState.TAKEN_UP)
        assert open_alerts(session) == []
        subject = service.subject_of(row.id)
        told = [it.what for it in changes_of(session, [subject])[subject]]
        assert told == ["assigned to H1", "taken up"]
    assert problem(act(api, world, "dispatcher", call_id, "answer", answer="No")) == "call-settled"


@pytest.mark.parametrize(("name", "state"), [("answer", "answered"), ("refuse", "refused")])
def test_a_call_is_settled_without_a_need(
    api: TestClient, world: World, name: str, state: str
) -> None:
    call_id = call(api)
    said = {"answer": "Book at the pharmacy"}
    for _ in range(2):
        done = act(api, world, "dispatcher", call_id, name, **said)
        assert (done.status_code, done.json()["state"]) == (200, state)
    assert api.get(f"{PATH}/{call_id}").json()["answer"] == said["answer"]
    again = act(api, world, "dispatcher", call_id, name, answer="Something else")
    assert problem(again) == "call-settled"


def test_who_may_look_into_a_call(api: TestClient, world: World) -> None:
    here, there = call(api), call(api, region="420500")
    own = api.get(PATH, headers=world.bearer("hospital")).json()
    assert [it["id"] for it in own] == [here]
    every = api.get(PATH, params={"region": "420000"}, headers=world.bearer("auditor")).json()
    assert [it["id"] for it in every] == [there, here]
    assert api.get(f"{PATH}/{there}/desk", headers=world.bearer("hospital")).status_code == 403
    act(api, world, "dispatcher", here, "assign", site="H2")
    assert api.get(f"{PATH}/{here}/desk", headers=world.bearer("hospital2")).status_code == 200
    for who, status in {"donor": 403, "carrier": 403, "hospital": 200}.items():
        assert api.get(PATH, headers=world.bearer(who)).status_code == status
    refused = act(api, world, "hospital", here, "take-up", site="H2", need=NEED)
    assert refused.status_code == 403
    assert act(api, world, "hospital", there, "answer", answer="x").status_code == 403
    # Nor may a place take up what was handed to another, or called for in another region.
    for call_id in (here, there):
        own = act(api, world, "hospital", call_id, "take-up", site="H1", need=NEED)
        assert own.status_code == 403
    assert act(api, world, "auditor", there, "assign", site="H1").status_code == 403


def test_the_same_call_twice_is_one(api: TestClient) -> None:
    sent = body()
    assert [api.post(PATH, json=sent).status_code for _ in range(2)] == [201, 200]
    assert problem(api.post(PATH, json=sent | {"words": "other words"})) == "id-reused"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"region": "nowhere"}, "region"),
        ({"words": "a"}, "words"),
        ({"words": "\x00" * 9}, "words"),
    ],
)
def test_a_call_that_cannot_be_says_why(
    api: TestClient, changed: dict[str, object], field: str
) -> None:
    answer = api.post(PATH, json=body(**changed))
    assert answer.status_code in {404, 422}
    assert answer.json()["errors"][0]["field"] == field


def test_nobody_drowns_the_others_out(api: TestClient, database: Database) -> None:
    calls = [call(api) for _ in range(10)]
    refused = api.post(PATH, json=body())
    assert (refused.status_code, problem(refused)) == (429, "too-many-calls")
    assert "password" not in refused.text
    assert int(refused.headers["Retry-After"]) <= 61
    assert api.get(f"{PATH}/{calls[0]}").status_code == 200
    page = Browser(api, database).fill("/zh/help", {"region": "420100", "words": "没有口罩了"})
    assert page.status_code == 429
    assert "求助过多" in page.text
    elsewhere = TestClient(api.app, client=("192.0.2.7", 50_000))
    assert elsewhere.post(PATH, json=body()).status_code == 201


@pytest.mark.parametrize(
    ("host", "caller"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("a socket", "a socket"),
    ],
)
def test_a_caller_is_an_address_or_a_whole_network(host: str, caller: str) -> None:
    found = Request({"type": "http", "client": (host, 1)})
    assert caller_of(found) == caller


def test_a_refused_need_leaves_the_call_waiting(api: TestClient, world: World) -> None:
    call_id = call(api)
    said = {"site": "H1", "need": NEED | {"item": "unheard_of"}, "occurred_at": WHEN}
    refused = act(api, world, "hospital", call_id, "take-up", **said)
    assert refused.status_code == 404
    assert api.get(f"{PATH}/{call_id}").json()["state"] == "open"


def test_the_pages_without_scripts(api: TestClient, database: Database) -> None:
    caller, desk = Browser(api, database), Browser(api, database, "dispatcher")
    short = caller.fill("/en/help", {"region": "420100", "words": "no"})
    assert short.status_code == 422
    answer = caller.fill("/en/help", {"region": "420100", "words": "no masks here", "place": "x"})
    page = went_to(answer)
    for language in ("en", "zh"):
        shown = caller.client.get(page.replace("/en/", f"/{language}/"))
        check_strict(shown.headers["content-security-policy"], shown.text)
    listed = desk.get("/en/help/desk?region=420000")
    at_desk = re.findall(r"/en/help/desk/[0-9a-f-]{36}", listed)[0]
    shown = desk.client.get(at_desk)
    check_strict(shown.headers["content-security-policy"], shown.text)
    assert went_to(desk.fill(at_desk, {"site": "H1"}, f"{at_desk}/assign")) == at_desk
    staff = Browser(api, database, "hospital")
    need = {
        "need.item": "gloves",
        "need.quantity": "1,000",
        "need.need_by": "2020-02-01",
    }
    late = staff.fill(at_desk, need, f"{at_desk}/take-up")
    assert late.status_code == 422
    near = need | {"need.need_by": "2099-01-01"}
    assert staff.fill(at_desk, near, f"{at_desk}/take-up").status_code == 422
    told = staff.fill(at_desk, {"answer": "Come to us at nine"}, f"{at_desk}/answer")
    assert went_to(told) == at_desk
    assert "Come to us at nine" in caller.get(page)
    assert "Come to us at nine" in desk.get("/en/help/desk?state=answered&format=csv")
    Browser(api, database, "donor").get("/en/help/desk", 403)
    assert caller.client.get("/en/help/desk").status_code == 303


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_state_of_a_call_has_its_words(language: str) -> None:
    words = environment(language).get_template("labels_help.html").module.CALL
    assert [state for state in CallState if not words.get(state.value)] == []
