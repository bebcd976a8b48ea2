"""The catalogue is kept by a desk, and a scan finds in it what it is on."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.service import split_pieces
from tests.inventory.goods import JSON, read
from tests.world import World

SHIELD = {"name_en": "Face shield", "name_zh": "面屏", "category": "ppe"}
GTIN = "09506000134352"
COOLED = "least_centi None → 200; most_centi None → 800"


def put(api: TestClient, world: World, path: str, body: JSON, status: int = 200) -> Any:
    answer = api.put(f"/api/v1/items/{path}", json=body, headers=world.bearer("dispatcher"))
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_desk_keeps_items_packs_gtins_and_substitutes(api: TestClient, world: World) -> None:
    assert put(api, world, "shield", SHIELD)["changed"] == "item shield added"
    assert put(api, world, "shield", SHIELD)["changed"] is None
    changed = put(api, world, "shield", SHIELD | {"cold": True})["changed"]
    assert changed == COOLED
    for _ in range(2):
        put(api, world, "shield/packs", {"unit": "box", "pieces": 20})
        put(api, world, "shield/gtins", {"gtin": GTIN, "unit": "box", "brand": "Example"})
        put(api, world, "shield/substitutes", {"serves": "gloves"})
    told = next(it for it in api.get("/api/v1/items").json() if it["code"] == "shield")
    assert told["packs"][0]["pieces"] == 20
    assert told["gtins"] == [{"gtin": GTIN, "unit": "box", "brand": "Example"}]
    put(api, world, "shield/substitutes", {"serves": "gloves", "preference": 0})
    history = read(api, world, "auditor", "items/shield/history")
    assert [each["what"] for each in history] == [
        "item shield added",
        COOLED,
        "unit box of 20 pieces added",
        f"GTIN {GTIN} is a box",
        "serves gloves, preference 1",
        "no substitute for gloves any more",
    ]
    assert all(each["organisation"] == "RELIEF" for each in history)


@pytest.mark.parametrize(
    ("asked", "cold", "limits"),
    [
        ({}, False, (None, None)),
        ({"cold": False}, False, (None, None)),
        ({"cold": True}, True, (200, 800)),
        ({"least_centi": -2500, "most_centi": -1500}, True, (-2500, -1500)),
        ({"cold": True, "least_centi": 0, "most_centi": 1}, True, (0, 1)),
    ],
)
def test_an_item_has_limits_of_its_own(
    api: TestClient, world: World, asked: JSON, cold: bool, limits: tuple[int | None, int | None]
) -> None:
    put(api, world, "shield", SHIELD | asked)
    told = next(it for it in api.get("/api/v1/items").json() if it["code"] == "shield")
    assert (told["cold"], (told["least_centi"], told["most_centi"])) == (cold, limits)


@pytest.mark.parametrize(
    "limits",
    [
        {"least_centi": 200},
        {"most_centi": 200},
        {"least_centi": 800, "most_centi": 200},
        {"least_centi": 200, "most_centi": 200},
        {"cold": False, "least_centi": 200, "most_centi": 800},
        {"least_centi": -10_001, "most_centi": 0},
        {"least_centi": 2.5, "most_centi": 8},
    ],
)
def test_limits_that_cannot_be_are_refused(api: TestClient, world: World, limits: JSON) -> None:
    put(api, world, "shield", SHIELD | limits, 422)


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("CNY", SHIELD, 409, "code"),
        ("tea/packs", {"unit": "box", "pieces": 20}, 404, "item"),
        ("gloves/packs", {"unit": "box", "pieces": 60}, 409, "pieces"),
        ("gloves/packs", {"unit": "piece", "pieces": 2}, 422, "unit"),
        ("gloves/packs", {"unit": "crate", "pieces": 1}, 422, "pieces"),
        ("gloves/gtins", {"gtin": "09506000134353"}, 422, "gtin"),
        ("gloves/gtins", {"gtin": "12345"}, 422, "gtin"),
        ("gloves/gtins", {"gtin": GTIN, "unit": "crate"}, 422, "unit"),
        ("gloves/substitutes", {"serves": "tea"}, 404, "serves"),
        ("gloves/substitutes", {"serves": "gloves"}, 422, "serves"),
        ("gloves", {"name_en": "x"}, 422, "name_zh"),
    ],
)
def test_what_can_not_be_in_a_catalogue(
    api: TestClient, world: World, path: str, body: JSON, status: int, field: str
) -> None:
    problem = put(api, world, path, body, status)
    assert problem["errors"][0]["field"] == field
    assert problem["errors"][0]["mend"]


def test_a_gtin_is_on_one_package_and_only_a_desk_says_so(api: TestClient, world: World) -> None:
    put(api, world, "gloves/gtins", {"gtin": GTIN, "unit": "box"})
    problem = put(api, world, "gloves/gtins", {"gtin": GTIN, "unit": "carton"}, 409)
    assert problem["type"] == "urn:medrelay:problem:gtin-taken"
    for who in ("hospital", "maker", "auditor"):
        answer = api.put("/api/v1/items/shield", json=SHIELD, headers=world.bearer(who))
        assert answer.status_code == 403


def test_a_scan_fills_in_item_batch_expiry_and_quantity(api: TestClient, world: World) -> None:
    put(api, world, "gloves/gtins", {"gtin": "9506000134352", "unit": "box"})
    text = f"(01){GTIN}(17)211231(10)B-7(37)20"
    told = read(api, world, "hospital", "scan", text=text)
    assert (told["item"], told["unit"], told["quantity"], told["quantity_base"]) == (
        "gloves",
        "box",
        20,
        1000,
    )
    assert (told["batch"], told["expires_on"]) == ("B-7", "2021-12-31")
    assert read(api, world, "hospital", "scan", text=told["digital_link"])["batch"] == "B-7"
    unknown = read(api, world, "hospital", "scan", text="(01)09501101020917(10)X")
    assert (unknown["item"], unknown["quantity_base"], unknown["batch"]) == (None, None, "X")
    answer = api.get("/api/v1/scan", params={"text": "hello"}, headers=world.bearer("hospital"))
    assert answer.json()["type"] == "urn:medrelay:problem:not-gs1"
    assert api.get("/api/v1/scan", params={"text": GTIN}).status_code == 401


def test_pieces_are_told_in_packs_and_add_up(api: TestClient, world: World) -> None:
    told = read(api, world, "hospital", "items/gloves/packed", pieces="4157")
    assert told == [
        {"unit": "carton", "quantity": 2},
        {"unit": "box", "quantity": 3},
        {"unit": "piece", "quantity": 7},
    ]


@given(
    st.integers(0, 10**12),
    st.dictionaries(st.sampled_from("abcd"), st.integers(2, 10**6), max_size=4),
)
def test_nothing_is_rounded_in_packs(pieces: int, units: dict[str, int]) -> None:
    split = split_pieces(pieces, list(units.items()))
    assert sum(many * (units | {"piece": 1})[unit] for unit, many in split) == pieces
    assert split
    assert all(many > 0 for _, many in split) or pieces == 0
