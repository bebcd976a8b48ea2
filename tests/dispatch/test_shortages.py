"""Shortage by item and region, what arrives when, what may be promised, and the nightly run."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from services.alerts.models import Alert, AlertKind
from services.database import Database
from services.dispatch import nightly, shortages, watch
from services.dispatch.desk_models import NightlyRun, ShortageLevel
from services.dispatch.models import Run, RunState
from services.dispatch.promise import promises
from services.dispatch.shortage_rules import USUAL, Lines
from services.dispatch.shortages import LEVELS
from services.dispatch.solving import solve_run
from services.journal.read import holdings
from services.requests.forecast.service import Lasting
from services.settings import get_settings
from tests.dispatch.test_limits import give
from tests.dispatch.test_runs import ask, solved
from tests.world import World, stock

NOW = datetime.now(UTC)


def get(api: TestClient, world: World, path: str, user: str = "auditor", **query: Any) -> Any:
    answer = api.get(f"/api/v1/{path}", params=query, headers=world.bearer(user))
    assert answer.status_code == 200, answer.text
    return answer.json()


def rule(api: TestClient, world: World, user: str = "dispatcher", **more: Any) -> Any:
    body = {"region": "420100", "item": "gloves", "why": "far away"} | more
    return api.put("/api/v1/shortage-rules", json=body, headers=world.bearer(user))


def test_levels_follow_the_share_that_nothing_covers(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        stock(session, "W1", "gloves", 100)
        stock(session, "W2", "gloves", 300)
    ask(api, world, 400)
    ask(api, world, 200, site="H2")
    here, far = get(api, world, "shortages", item="gloves", here=True)
    # H1's own depot has 100 of 400; of 300 missing, the 100 that the other region spares help.
    assert (here["region"], here["uncovered"], here["level"]) == ("420100", 200, "short")
    assert (far["region"], far["uncovered"], far["level"]) == ("420500", 0, "enough")
    province = get(api, world, "shortages", item="gloves", region="420000")[0]
    assert (province["outstanding"], province["uncovered"], province["level"]) == (
        600,
        200,
        "short",
    )
    assert get(api, world, "shortages", level="short", here=True)[0]["decided_by"] == "share"


def test_a_region_draws_its_own_lines_and_smaller_ones_go_first(
    api: TestClient, world: World, database: Database
) -> None:
    ask(api, world, 400)
    [row] = get(api, world, "shortages", region="420100")
    assert row["level"] == "critical"
    assert rule(api, world, region="420000", item="*", critical_share_ppm=1_000_000).is_success
    assert get(api, world, "shortages", region="420100")[0]["level"] == "short"
    loose = {f"{name}_share_ppm": 1_000_000 for name in ("watch", "tight", "short", "critical")}
    for _ in range(2):
        assert rule(api, world, **loose, alert_from="enough").is_success
    assert get(api, world, "shortages", region="420100")[0]["level"] == "enough"


def test_lines_that_cannot_be_are_refused(api: TestClient, world: World) -> None:
    for more, status in (
        ({"watch_days_tenths": 5}, 422),
        ({"critical_share_ppm": 0, "short_share_ppm": 5}, 422),
        ({"critical_share_ppm": 1_000_001}, 422),
        ({"region": "nowhere"}, 404),
        ({"item": "unknown"}, 404),
        ({"why": ""}, 422),
        ({"alert_from": "never"}, 422),
    ):
        assert rule(api, world, **more).status_code == status, more
    assert rule(api, world, "hospital").status_code == 403
    assert rule(api, world, "auditor").status_code == 403
    headers = world.bearer("hospital")
    assert api.get("/api/v1/shortages", headers=headers).status_code == 403


@given(
    st.integers(0, 1_000_000),
    st.integers(0, 1_000_000),
    st.none() | st.integers(0, 3650),
    st.data(),
)
def test_worse_figures_never_give_a_better_level(
    ppm: int, more: int, tenths: int | None, data: st.DataObject
) -> None:
    shares = sorted(data.draw(st.lists(st.integers(0, 1_000_000), min_size=4, max_size=4)))
    lines = data.draw(st.sampled_from([USUAL, Lines(share_ppm=tuple(shares))]))  # type: ignore[arg-type]
    assert lines.by_share(min(ppm, more)) <= lines.by_share(max(ppm, more)) < len(LEVELS)
    assert lines.by_days(tenths) <= lines.by_days(0) == len(ShortageLevel) - 1
    assert lines.by_days(None) == 0


def alerts(session: Session, kind: AlertKind) -> list[tuple[str, str]]:
    statement = select(Alert).where(Alert.kind == kind, col(Alert.closed_at).is_(None))
    return sorted((each.subject, each.severity.value) for each in session.exec(statement))


def test_a_shortage_is_told_until_it_is_over(
    api: TestClient, world: World, database: Database
) -> None:
    ask(api, world, 400)
    with database.transaction() as session:
        for _ in range(2):
            watch.watch(session, NOW)
        assert alerts(session, AlertKind.SHORTAGE) == [("shortage:420100/gloves", "critical")]
        stock(session, "W1", "gloves", 400)
        watch.watch(session, NOW)
        assert alerts(session, AlertKind.SHORTAGE) == []


def test_a_plan_that_waits_is_told_until_it_is_decided(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        stock(session)
    ask(api, world, 100)
    run_id = solved(api, world, database)
    with database.transaction() as session:
        watch.watch(session, NOW)
        assert alerts(session, AlertKind.PLAN_TO_DECIDE) == [(f"run:{run_id}", "notice")]
    url = f"/api/v1/runs/{run_id}/reject"
    api.post(url, json={"note": "no"}, headers=world.bearer("approver"))
    with database.transaction() as session:
        watch.watch(session, NOW)
        assert alerts(session, AlertKind.PLAN_TO_DECIDE) == []


@pytest.fixture
def from_two(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The nightly run is on, from two o'clock on where the goods are."""
    monkeypatch.setenv("MEDRELAY_NIGHTLY_RUN_HOUR", "2")
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


def at(hour: int) -> datetime:
    return NOW.astimezone(get_settings().zone).replace(hour=hour, minute=0)


def test_a_nightly_run_proposes_once_a_day_and_approves_nothing(
    api: TestClient, world: World, database: Database, from_two: None
) -> None:
    with database.transaction() as session:
        stock(session)
    ask(api, world, 100)
    with database.transaction() as session:
        nightly.watch(session, at(1))
        assert session.exec(select(NightlyRun)).all() == []
    for hour in (2, 2, 5, 23):
        with database.transaction() as session:
            nightly.watch(session, at(hour))
    with database.transaction() as session:
        [run] = session.exec(select(Run)).all()
        [row] = session.exec(select(NightlyRun)).all()
        assert (row.run_id, run.started_by) == (run.id, None)
    assert solve_run(database, run.id) is RunState.PROPOSED
    [listed] = get(api, world, "runs", day=str(run.day))
    assert (listed["started_by"], listed["state"]) == ("system:allocator", "proposed")
    with database.transaction() as session:
        assert holdings(session, state="reserved") == []
    url = f"/api/v1/runs/{run.id}/approve"
    assert api.post(url, json={}, headers=world.bearer("dispatcher")).status_code == 403
    assert api.post(url, json={}, headers=world.bearer("approver")).status_code == 200


def test_a_night_with_nothing_to_plan_is_tried_once_and_says_so(
    database: Database, from_two: None
) -> None:
    for _ in range(2):
        with database.transaction() as session:
            nightly.watch(session, at(3))
    with database.transaction() as session:
        [row] = session.exec(select(NightlyRun)).all()
        assert row.run_id is None
        assert "outstanding" in (row.why_none or "")


def test_it_is_off_unless_an_hour_is_set(api: TestClient, world: World, database: Database) -> None:
    ask(api, world, 100)
    with database.transaction() as session:
        nightly.watch(session, at(23))
        assert session.exec(select(NightlyRun)).all() == []


def test_arrivals_are_told_to_whom_they_come_and_to_desks(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        stock(session, "W1", "gloves", 500)
    ask(api, world, 300)
    ask(api, world, 100, site="H2")
    run_id = solved(api, world, database)
    approve = f"/api/v1/runs/{run_id}/approve"
    api.post(approve, json={}, headers=world.bearer("approver"))
    every = get(api, world, "arrivals")
    assert [(each["destination"], each["quantity_base"], each["day"]) for each in every] == [
        ("H1", 300, "2020-02-04"),
        ("H2", 100, "2020-02-04"),
    ]
    [own] = get(api, world, "arrivals", "hospital")
    assert (own["destination"], own["item"], own["state"]) == ("H1", "gloves", "planned")
    assert get(api, world, "arrivals", first="2020-02-05") == []
    assert get(api, world, "arrivals", site="H2", last="2020-02-04") == every[1:]
    for user, site in (("hospital", "H2"), ("donor", "H1"), ("carrier", "H1")):
        refused = api.get(f"/api/v1/arrivals?site={site}", headers=world.bearer(user))
        assert refused.status_code == 403
    file = api.get("/api/v1/arrivals?format=csv", headers=world.bearer("hospital"))
    assert file.text.count("\r\n") == 2


def test_what_may_be_promised_is_on_hand_less_reserved_plus_due(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        lot = stock(session, "W1", "gloves", 500)
    ask(api, world, 200)
    run_id = solved(api, world, database)
    api.post(f"/api/v1/runs/{run_id}/approve", json={}, headers=world.bearer("approver"))
    order = {
        "id": str(uuid4()),
        "origin": "W1",
        "destination": "W2",
        "depart_on": str(NOW.date()),
        "reason": "nearer",
        "occurred_at": NOW.isoformat(),
        "lines": [{"lot_id": str(lot), "quantity_base": 120}],
    }
    made = api.post("/api/v1/transfers", json=order, headers=world.bearer("dispatcher"))
    assert made.status_code == 201, made.text
    rows = get(api, world, "available-to-promise", item="gloves", days=5)
    last = {row["site"]: row for row in rows}
    assert (last["W1"]["on_hand"], last["W1"]["reserved"]) == (500, 320)
    assert {site: row["available_to_promise"] for site, row in last.items()} == {
        "W1": 180,
        "W2": 120,
    }
    assert get(api, world, "available-to-promise", site="W2") == []
    headers = world.bearer("auditor")
    for query in ("days=0", "days=61", "day=0001-01-01", "day=9999-12-31", "sort=nothing"):
        answer = api.get(f"/api/v1/available-to-promise?{query}", headers=headers)
        assert answer.status_code == 422, query


def test_a_replay_asks_as_of_its_own_day(api: TestClient, world: World, database: Database) -> None:
    give(api, world, 100, expires_on="2021-02-01")
    ask(api, world, 400)
    [now] = get(api, world, "shortages", region="420100")
    then = {
        day: [
            (row["outstanding"], row["free"], row["uncovered"])
            for row in get(api, world, "shortages", region="420100", day=day)
        ]
        for day in ("2020-01-20", "2020-02-10", "2021-02-01")
    }
    assert (now["free"], now["uncovered"]) == (0, 400)
    assert then == {
        "2020-01-20": [(0, 100, 0)],
        "2020-02-10": [(400, 100, 300)],
        "2021-02-01": [(400, 0, 400)],
    }
    headers = world.bearer("auditor")
    for day in ("1999-01-01", "9999-12-31", "soon"):
        refused = api.get(f"/api/v1/shortages?day={day}", headers=headers)
        assert refused.status_code == 422
    for path, told in (("shortages", ">300<"), ("promise", ">100<")):
        page = api.get(f"/en/{path}?item=gloves&day=2020-02-10", headers=headers)
        assert page.status_code == 200
        assert told in page.text
        assert api.get(f"/en/{path}?day=1999-01-01", headers=headers).status_code == 422
        assert api.get(f"/en/{path}?day=soon", headers=headers).status_code == 200


def test_of_a_day_reports_count_by_the_day_that_they_tell_of(
    api: TestClient, world: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Lasting(
        site="H1",
        region="420100",
        item="gloves",
        day=date(2020, 2, 10),
        recorded_at=NOW,
        on_hand_base=10,
        coming_base=0,
        method=None,
        use_per_day_milli=10_000,
        days_left=1.0,
        gap=None,
    )
    monkeypatch.setattr(shortages, "lasting", lambda session, sites: [told])
    with database.transaction() as session:
        days = [None, date(2020, 2, 9), date(2020, 2, 10), date(2020, 2, 17), date(2020, 2, 18)]
        known = [bool(shortages.shortages(session, NOW, day=day)) for day in days]
        assert known == [True, False, True, True, False]


ACT = st.sampled_from(["whole", "part", "reject", "twice"])


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(acts=st.lists(st.tuples(ACT, st.integers(1, 400)), min_size=2, max_size=4))
def test_nothing_is_ever_promised_twice(
    api: TestClient, world: World, database: Database, acts: list[tuple[str, int]]
) -> None:
    """Whatever is approved, in whatever parts: reserved and free are what there is."""
    key = str(uuid4())
    with database.transaction() as session:
        before = _promised(session)
        lot = stock(session, "W1", "gloves", 500, key=key)
    headers = world.bearer("approver")
    for act, pieces in acts:
        ask(api, world, pieces)
        ask(api, world, pieces, site="H2")
        runs = [solved(api, world, database) for _ in range(2 if act == "twice" else 1)]
        for run_id in runs:
            url = f"/api/v1/runs/{run_id}/{'reject' if act == 'reject' else 'approve'}"
            body: dict[str, Any] = {"note": "no"} if act == "reject" else {}
            if act == "part":
                body["only"] = {"destinations": ["H2"]}
            assert api.post(url, json=body, headers=headers).status_code in {200, 409, 422}
        with database.transaction() as session:
            [row] = [each for each in promises(session, items=["gloves"]) if each.site == "W1"]
            reserved = sum(each.quantity for each in holdings(session, state="reserved"))
            assert row.available_to_promise >= 0
            assert row.on_hand == before[0] + 500
            assert row.available_to_promise + reserved == row.on_hand
            kept = holdings(session, lot_ids=[lot])
            assert sum(each.quantity for each in kept) == 500


def _promised(session: Session) -> tuple[int, int]:
    rows = [each for each in promises(session, items=["gloves"]) if each.site == "W1"]
    return (rows[0].on_hand, rows[0].reserved) if rows else (0, 0)


def test_what_expires_may_not_be_promised_from_that_day_on(
    api: TestClient, world: World, database: Database
) -> None:
    give(api, world, 100, expires_on="2040-06-30")
    with database.transaction() as session:
        for day, left in ((date(2040, 6, 29), 100), (date(2040, 6, 30), 0)):
            rows = promises(session, first=day, sites=["W1"])
            assert sum(row.available_to_promise for row in rows) == left
