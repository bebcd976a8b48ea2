"""Lists of needs: filtered, sorted, in pages, as CSV, and each sees what they may see."""

import csv
import io

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from services.database import Database
from services.requests.listing import StateFilter
from services.requests.models import Need, NeedStatus, Priority, RuleOutcome
from services.requests.served import STAGES, Reached, Served, roll_up, state_of_request
from services.web.pages import environment
from tests.requests.hospital import Desk, bring, reserve
from tests.world import NOW


@pytest.fixture
def desk(api: TestClient, database: Database) -> Desk:
    """Six needs of two hospitals, in six states; returns the desk that sees them."""
    one, two, desk = Desk(api, "hospital"), Desk(api, "hospital2"), Desk(api, "dispatcher")
    one.ask(item="surgical_mask", quantity=7, priority="routine", need_by="2020-03-09")
    met, partly = one.ask(quantity=50), one.ask(item="n95_respirator", quantity=40)
    with database.transaction() as session:
        bring(session, met["id"], 50, reserve(session, met["id"], 50))
        reserve(session, partly["id"], 10, "n95_respirator")
    gone = two.ask(site="H2", quantity=3, priority="stat")
    two.post(f"/needs/{gone['id']}/cancel", reason="enough")
    two.ask(site="H2", item="surgical_mask", quantity=9, draft=True)
    desk.rule(1, "ask")
    two.ask(site="H2", quantity=30, priority="asap", stock_on_hand_base=8, use_per_day_base=4)
    return desk


@pytest.mark.parametrize(
    ("query", "quantities"),
    [
        ({}, [7, 50, 40, 3, 30]),
        ({"site": "H2"}, [3, 30]),
        ({"site": "nowhere"}, []),
        ({"region": "420500"}, [3, 30]),
        ({"region": "420000", "item": "gloves"}, [50, 3, 30]),
        ({"priority": "urgent"}, [50, 40]),
        ({"need_by": "2020-02-09"}, [50, 40, 3, 30]),
        ({"state": "open"}, [7, 40, 30]),
        ({"state": "fulfilled"}, [50]),
        ({"state": "partly_allocated"}, [40]),
        ({"state": "approved"}, [7]),
        ({"state": "submitted"}, [30]),
        ({"state": "cancelled"}, [3]),
        ({"state": "draft"}, []),
        ({"sort": "-quantity_base"}, [50, 40, 30, 7, 3]),
        ({"sort": "priority"}, [3, 30, 50, 40, 7]),
        ({"sort": "-outstanding_base", "limit": 2}, [40, 7]),
        ({"sort": "days_of_cover", "limit": 1}, [30]),
        ({"limit": 2, "offset": 1}, [50, 40]),
    ],
)
def test_a_desk_finds_what_it_looks_for(
    desk: Desk, query: dict[str, object], quantities: list[int]
) -> None:
    assert [need["quantity_base"] for need in desk.get("/needs", **query)] == quantities


def test_the_list_says_how_many_there_are_and_comes_as_a_file(desk: Desk) -> None:
    answer = desk.api.get("/api/v1/needs?limit=2&state=open", headers=desk.headers)
    assert answer.headers["X-Total-Count"] == "3"
    assert 'rel="next"' in answer.headers["Link"]
    table = desk.api.get("/api/v1/needs?format=csv", headers=desk.headers)
    rows = list(csv.DictReader(io.StringIO(table.text.lstrip("\ufeff"))))
    assert [row["progress"] for row in rows][:3] == ["approved", "fulfilled", "partly_allocated"]
    assert rows[4]["days_of_cover"] == "2.0"
    for bad in ("sort=nothing", "state=lost", "region=nowhere", "limit=0", "need_by=soon"):
        refused = desk.api.get(f"/api/v1/needs?{bad}", headers=desk.headers)
        assert refused.status_code in {404, 422}, bad


def test_everybody_sees_their_own(desk: Desk) -> None:
    one, two = Desk(desk.api, "hospital"), Desk(desk.api, "hospital2")
    assert [need["quantity_base"] for need in one.get("/needs", site="H2")] == []
    assert [need["quantity_base"] for need in two.get("/needs")] == [3, 9, 30]
    assert len(desk.get("/requests")) == 5
    assert len(two.get("/requests")) == 3
    foreign = one.get("/needs")[0]["id"]
    for path in (f"/needs/{foreign}", f"/needs/{foreign}/changes"):
        two.refused("GET", path, 403)
        assert desk.get(path)


def need_of(status: NeedStatus, quantity: int, approved: int | None) -> Need:
    return Need(
        item="gloves",
        site="H1",
        quantity=quantity,
        unit="piece",
        quantity_base=quantity,
        approved_base=approved,
        priority=Priority.STAT,
        status=status,
        last_word_at=NOW,
        last_word_recorded_at=NOW,
    )


pieces = st.integers(0, 60)


@st.composite
def states(draw: st.DrawFn) -> Served:
    status, quantity = draw(st.sampled_from(NeedStatus)), draw(st.integers(1, 60))
    approved = draw(st.integers(1, quantity)) if status is NeedStatus.APPROVED else None
    return Served(need_of(status, quantity, approved), draw(pieces), draw(pieces), draw(pieces))


@given(states())
def test_a_need_never_asks_for_more_than_was_approved(state: Served) -> None:
    assert 0 <= state.outstanding <= state.wanted
    approved = state.need.status is NeedStatus.APPROVED
    assert state.outstanding == 0 or approved
    if approved and not state.is_fulfilled:
        assert state.committed + state.outstanding >= state.wanted
    assert state.is_fulfilled == (state.progress == "fulfilled")
    order = [Reached.NONE, Reached.PARTLY, Reached.COMPLETE]
    levels = [
        order.index(state.reached(stage)) for stage in ("committed", "in_transit", "fulfilled")
    ]
    assert levels == sorted(levels, reverse=True)


@given(st.lists(states(), min_size=1, max_size=5))
def test_a_request_is_complete_only_where_all_its_needs_are(found: list[Served]) -> None:
    ended = {NeedStatus.CANCELLED, NeedStatus.REFUSED}
    counted = [each for each in found if each.need.status not in ended] or found
    for stage, reached in roll_up(found).items():
        each = {state.reached(stage) for state in counted}
        assert (reached is Reached.COMPLETE) == (each == {Reached.COMPLETE})
        assert (reached is Reached.NONE) == (each == {Reached.NONE})
    assert state_of_request(found) in {state.progress for state in found}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_state_has_its_words(language: str) -> None:
    words = environment(language).get_template("labels.html").module.PROGRESS
    named = [each.value for each in StateFilter if each is not StateFilter.OPEN]
    assert [name for name in named if not words.get(name)] == []
    ours = environment(language).get_template("labels_requests.html").module
    assert set(STAGES) <= set(ours.STAGE)
    assert {each.value for each in RuleOutcome} == set(ours.OUTCOME)
