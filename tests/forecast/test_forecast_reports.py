"""Daily reports: once, corrected by later ones, refused with field and mend, seen by whom."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from services.database import Database
from tests.forecast.reporting import JSON, a_day, act, send, told
from tests.world import World


def test_a_report_is_written_once(api: TestClient, world: World) -> None:
    body = a_day()
    first, again = send(api, world, body), send(api, world, body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["counted_at"] == "2020-02-03T15:59:59Z"
    other = send(api, world, body | {"patients_mild": 51})
    assert other.status_code == 422
    assert other.json()["errors"][0]["field"] == "id"
    assert len(told(api, world, "daily-reports", history=True)) == 1


def test_of_many_at_once_one_is_written(api: TestClient, world: World) -> None:
    body = a_day()
    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(lambda _: send(api, world, body).status_code, range(4)))
    assert answers == [200, 200, 200, 201]
    assert len(told(api, world, "supply-offers")) == 1


def test_a_later_report_counts_and_the_earlier_one_stays(
    api: TestClient, world: World, database: Database
) -> None:
    send(api, world, a_day(gloves=1000))
    corrected = send(api, world, a_day(gloves=900, note="miscounted")).json()
    counts = told(api, world, "daily-reports", site="H1")
    assert [each["id"] for each in counts] == [corrected["id"]]
    both = told(api, world, "daily-reports", history=True)
    assert [(each["stock"][0]["quantity_base"], each["current"]) for each in both] == [
        (900, True),
        (1000, False),
    ]
    assert told(api, world, f"daily-reports/{both[1]['id']}")["current"] is False
    supplies = {each["item"]: each for each in told(api, world, "supplies")}
    assert supplies["gloves"]["on_hand_base"] == 900
    with database.engine.begin() as connection:
        for change in ("UPDATE daily_report SET patients_mild = 0", "DELETE FROM daily_stock"):
            with pytest.raises(sa.exc.IntegrityError), connection.begin_nested():
                connection.execute(sa.text(change))


def test_stock_is_counted_in_packs_and_kept_in_pieces(api: TestClient, world: World) -> None:
    line = {"item": "gloves", "quantity": 3, "unit": "box", "received": 2}
    stock = send(api, world, a_day(stock=[line])).json()["stock"][0]
    assert (stock["quantity"], stock["unit"]) == (3, "box")
    assert (stock["quantity_base"], stock["received_base"]) == (150, 100)
    nothing = send(api, world, a_day(stock=[line | {"quantity": 0, "received": 0}])).json()
    assert nothing["stock"][0]["quantity_base"] == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"site": "H9"}, "site"),
        ({"site": "H2"}, "site"),
        ({"site": "a/b"}, "site"),
        ({"day": "2999-01-01"}, "day"),
        ({"day": "1999-12-31"}, "day"),
        ({"day": "2020-02-30"}, "day"),
        ({"counted_at": "2020-02-04T20:00:00Z"}, "counted_at"),
        ({"counted_at": "2020-02-03"}, "counted_at"),
        ({"patients_mild": -1}, "patients_mild"),
        ({"patients_mild": None}, "patients_mild"),
        ({"patients_critical": 10**7}, "patients_critical"),
        ({"shifts_nurse": 1.5}, "shifts_nurse"),
        ({"tests_done": True}, "tests_done"),
        ({"note": "a\u0000b"}, "note"),
        ({"colour": "red"}, "colour"),
        ({"stock": [{"item": "unobtainium", "quantity": 1}]}, "stock[0].item"),
        ({"stock": [{"item": "gloves", "quantity": -1}]}, "stock[0].quantity"),
        ({"stock": [{"item": "gloves", "quantity": 10**12, "unit": "box"}]}, "stock[0].quantity"),
        ({"stock": [{"item": "gloves", "quantity": 0, "unit": "lorry"}]}, "unit"),
        ({"stock": [{"item": "gloves", "quantity": 1}] * 2}, "stock[1].item"),
    ],
)
def test_a_bad_report_names_field_and_mend_and_writes_nothing(
    api: TestClient, world: World, changes: JSON, field: str
) -> None:
    answer = send(api, world, a_day(**changes))
    assert answer.status_code in {403, 404, 422}, answer.text
    error = answer.json()["errors"][0]
    assert (error["field"], bool(error["mend"])) == (field, True)
    assert told(api, world, "daily-reports", "dispatcher", history=True) == []


def test_patients_lie_in_hospitals_alone(api: TestClient, world: World) -> None:
    answer = send(api, world, a_day(site="W1"), "admin")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "site"


def test_reports_are_seen_by_their_hospital_and_the_desks(api: TestClient, world: World) -> None:
    report = send(api, world, a_day()).json()
    assert len(told(api, world, "daily-reports", "auditor")) == 1
    assert told(api, world, "daily-reports", "hospital2") == []
    for path in ("daily-reports?site=H1", f"daily-reports/{report['id']}", "supplies?site=H1"):
        answer = api.get(f"/api/v1/{path}", headers=world.bearer("hospital2"))
        assert answer.status_code == 403, path
    for user in ("donor", "carrier", "maker"):
        assert send(api, world, a_day(), user).status_code == 403
        assert api.get("/api/v1/supplies", headers=world.bearer(user)).status_code == 403
    assert act(api, world, "daily-reports", a_day(), "dispatcher").status_code == 403
    unknown = api.get(f"/api/v1/daily-reports/{world.user_id('donor')}")
    assert unknown.status_code == 401


def test_who_has_not_reported_is_listed_longest_silent_first(api: TestClient, world: World) -> None:
    send(api, world, a_day())
    missing = told(api, world, "daily-reports/missing", "dispatcher", day="2020-02-03")
    assert [(each["site"], each["last_day"]) for each in missing] == [("H2", None)]
    later = told(api, world, "daily-reports/missing", "dispatcher", day="2020-02-04")
    assert [(each["site"], each["last_day"]) for each in later] == [
        ("H2", None),
        ("H1", "2020-02-03"),
    ]
    refused = api.get("/api/v1/daily-reports/missing", headers=world.bearer("hospital"))
    assert refused.status_code == 403


def test_lists_are_sorted_paged_and_downloaded(api: TestClient, world: World) -> None:
    for day in ("2020-02-03", "2020-02-04", "2020-02-05"):
        send(api, world, a_day(day))
    days = [each["day"] for each in told(api, world, "daily-reports", sort="day")]
    assert days == sorted(days)
    assert len(told(api, world, "daily-reports", limit=1, offset=1)) == 1
    window = {"from": "2020-02-04", "to": "2020-02-04"}
    assert [each["day"] for each in told(api, world, "daily-reports", **window)] == ["2020-02-04"]
    wrong = api.get("/api/v1/daily-reports?sort=colour", headers=world.bearer("hospital"))
    assert wrong.status_code == 422
    lists = ("daily-reports", "supplies", "supply-rates", "supply-offers", "daily-reports/missing")
    for path in lists:
        file = api.get(f"/api/v1/{path}?format=csv", headers=world.bearer("dispatcher"))
        assert file.headers["content-type"].startswith("text/csv"), path
