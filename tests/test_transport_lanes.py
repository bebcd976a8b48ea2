"""Lanes: which carrier serves which way."""

import pytest
from fastapi.testclient import TestClient

from tests.world import World

A_LANE = {
    "origin": "W1",
    "destination": "H1",
    "carrier": "CARR2",
    "distance_m": 12_345,
    "duration_days": 3,
}

# What nobody has said of a lane, and what no delivery has shown.
UNSAID = {
    "cost_per_piece_micro": 0,
    "volume_l_per_day": None,
    "weight_kg_per_day": None,
    "keeps_cold": True,
}
UNSEEN = {"observed_days": None, "observed_deliveries": 0}


def test_lanes_are_listed_in_order_and_narrowed(api: TestClient, world: World) -> None:
    headers = world.bearer("hospital")
    lanes = api.get("/api/v1/lanes", headers=headers).json()
    ways = [(lane["origin"], lane["destination"]) for lane in lanes]
    assert ways == sorted(ways)
    assert len(ways) == 10
    one = api.get("/api/v1/lanes", params={"origin": "F1", "destination": "H2"}, headers=headers)
    assert one.json() == [
        {
            "origin": "F1",
            "destination": "H2",
            "carrier": "CARR1",
            "distance_m": 300_000,
            "duration_days": 2,
            **UNSAID,
            **UNSEEN,
        }
    ]


def test_a_lane_is_registered_once_and_changed_in_place(api: TestClient, world: World) -> None:
    for who, lane in (("dispatcher", A_LANE), ("admin", A_LANE | {"origin": "H2"})):
        for _ in range(2):
            answer = api.put("/api/v1/lanes", json=lane, headers=world.bearer(who))
            assert (answer.status_code, answer.json()) == (200, lane | UNSAID | UNSEEN)
    lanes = api.get("/api/v1/lanes", headers=world.bearer("dispatcher")).json()
    assert len(lanes) == 11
    assert A_LANE | UNSAID | UNSEEN in lanes


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"origin": "NOWHERE"}, 404, "origin"),
        ({"destination": "NOWHERE"}, 404, "destination"),
        ({"destination": "W1"}, 422, "destination"),
        ({"carrier": "NOBODY"}, 404, "carrier"),
        ({"carrier": "HOSP1"}, 422, "carrier"),
        ({"distance_m": -1}, 422, "distance_m"),
        ({"distance_m": 1.5}, 422, "distance_m"),
        ({"distance_m": 10**12}, 422, "distance_m"),
        ({"distance_m": "far"}, 422, "distance_m"),
        ({"duration_days": -1}, 422, "duration_days"),
        ({"duration_days": 10**6}, 422, "duration_days"),
        ({"speed": 5}, 422, "speed"),
    ],
)
def test_a_bad_lane_names_the_field(
    api: TestClient, world: World, change: dict[str, object], status: int, field: str
) -> None:
    headers = world.bearer("dispatcher")
    before = api.get("/api/v1/lanes", headers=headers).json()
    answer = api.put("/api/v1/lanes", json=A_LANE | change, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["errors"][0]["field"] == field
    assert answer.json()["errors"][0]["mend"]
    assert api.get("/api/v1/lanes", headers=headers).json() == before


@pytest.mark.parametrize("user", ["hospital", "carrier", "maker", "donor", "auditor", "approver"])
def test_only_dispatchers_change_lanes(api: TestClient, world: World, user: str) -> None:
    answer = api.put("/api/v1/lanes", json=A_LANE, headers=world.bearer(user))
    assert answer.status_code == 403


def test_nobody_is_nobody(api: TestClient) -> None:
    assert api.put("/api/v1/lanes", json=A_LANE).status_code == 401
    assert api.get("/api/v1/lanes").status_code == 401
