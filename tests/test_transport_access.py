"""Who sees a shipment, who may do what to it, and whose name stays out of sight."""

from datetime import timedelta

from fastapi.testclient import TestClient

from services.database import Database
from services.journal.read import entries_of
from tests.shipments import DAY, LIFE, WHEN, Goods, act, bring_to, count, plan, receipt, show
from tests.world import World

_FOREIGN = {
    "pick": ("carrier", "hospital", "maker", "donor", "approver", "auditor"),
    "dispatch": ("carrier2", "hospital", "maker", "donor", "approver", "auditor"),
    "deliver": ("carrier2", "hospital", "maker", "donor", "dispatcher", "auditor"),
    "receive": ("carrier", "hospital2", "maker", "donor", "dispatcher", "auditor"),
    "verify": ("carrier", "hospital", "maker", "donor", "approver"),
}


def test_only_those_whose_part_it_is_may_act(api: TestClient, database: Database) -> None:
    sent = plan(database, Goods(10))
    for step in LIFE:
        for user in _FOREIGN[step]:
            answer = act(api, sent.id, step, user=user, **receipt(step, count(1, 10)))
            assert answer.status_code == 403, f"{user} may {step}: {answer.text}"
        url = f"/api/v1/shipments/{sent.id}/{step}"
        body = {"occurred_at": WHEN[step]} | receipt(step, count(1, 10))
        assert api.post(url, json=body).status_code == 401
        if step == "deliver":
            for user in ("carrier2", "hospital", "auditor"):
                assert act(api, sent.id, "lose", user=user).status_code == 403
        assert act(api, sent.id, step, **receipt(step, count(1, 10))).status_code == 200


def test_whose_site_it_is_may_pick_and_dispatch(api: TestClient, database: Database) -> None:
    sent = plan(database, Goods(10), origin="F1")
    assert act(api, sent.id, "pick", user="maker").status_code == 200
    assert act(api, sent.id, "dispatch", user="maker").status_code == 200
    assert show(api, sent.id, "maker")["state"] == "dispatched"


def test_everybody_sees_what_they_have_a_part_in(api: TestClient, database: Database) -> None:
    shipments = {
        "W1-H1": plan(database, Goods(1), origin="W1", destination="H1").id,
        "W2-H1": plan(database, Goods(1), origin="W2", destination="H1").id,
        "W1-H2": plan(database, Goods(1), origin="W1", destination="H2").id,
        "F1-H2": plan(database, Goods(1), origin="F1", destination="H2").id,
    }
    names = {str(key): name for name, key in shipments.items()}
    seen = {
        "dispatcher": {"W1-H1", "W2-H1", "W1-H2", "F1-H2"},
        "auditor": {"W1-H1", "W2-H1", "W1-H2", "F1-H2"},
        "hospital": {"W1-H1", "W2-H1"},
        "hospital2": {"W1-H2", "F1-H2"},
        "carrier": {"W1-H1", "W1-H2", "F1-H2"},
        "carrier2": {"W2-H1"},
        "maker": {"F1-H2"},
        "donor": set(),
    }
    for user, expected in seen.items():
        headers = World().bearer(user)
        listed = api.get("/api/v1/shipments", headers=headers).json()
        assert {names[row["id"]] for row in listed} == expected, user
        for name, key in shipments.items():
            status = api.get(f"/api/v1/shipments/{key}", headers=headers).status_code
            assert status == (200 if name in expected else 403), (user, name)
    assert api.get("/api/v1/shipments").status_code == 401


def test_the_list_is_narrowed_and_paged_in_a_stable_order(
    api: TestClient, database: Database
) -> None:
    days = [DAY + timedelta(day) for day in (3, 0, 2, 1)]
    sent = [plan(database, Goods(1), day=day) for day in days]
    other = plan(database, Goods(1), origin="W2", destination="H2")
    bring_to(api, other.id, "pick")
    headers = World().bearer("dispatcher")

    def ids(**query: str | int) -> list[str]:
        answer = api.get("/api/v1/shipments", params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        return [row["id"] for row in answer.json()]

    by_day = [str(sent[index].id) for index in (1, 3, 2, 0)]
    assert ids(origin="W1") == by_day
    assert ids(origin="W1", limit=2) + ids(origin="W1", limit=2, offset=2) == by_day
    assert ids(state="picked") == [str(other.id)]
    assert ids(destination="H2") == [str(other.id)]
    assert ids(run_id=show(api, other.id)["run_id"]) == [str(other.id)]
    for bad in ({"state": "gone"}, {"limit": 0}, {"limit": 10**6}, {"offset": -1}, {"run_id": "x"}):
        assert api.get("/api/v1/shipments", params=bad, headers=headers).status_code == 422


def test_who_took_it_at_the_door_stays_at_the_door(api: TestClient, database: Database) -> None:
    sent = plan(database, Goods(10), origin="F1")
    bring_to(api, sent.id, "dispatch")
    named = {"received_by_name": "Wang Fang", "note": "gate 3"}
    assert act(api, sent.id, "deliver", **named).status_code == 200
    assert act(api, sent.id, "receive", lines=[count(1, 10)]).status_code == 200
    for user, shown in {"hospital": "Wang Fang", "carrier": "Wang Fang", "maker": None}.items():
        delivered = show(api, sent.id, user)["events"][3]
        assert (delivered["note"], delivered["received_by_name"]) == ("gate 3", shown)
    with database.transaction() as session:
        entries = entries_of(session, f"shipment:{sent.id}")
        assert len(entries) == 2
        assert not any(b"Wang" in entry.body or b"Fang" in entry.body for entry in entries)
