"""Who asks for no answer gets none (RFC 7240), and the act is done all the same."""

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from tests.shipments import Goods, bring_to, plan, show
from tests.world import World


@pytest.mark.parametrize(
    ("prefer", "status"),
    [
        ("return=minimal", 204),
        ("respond-async, return=minimal", 204),
        ("return=representation", 200),
        ("return=minimalist", 200),
        (None, 200),
    ],
)
def test_a_preference_decides_what_is_answered(
    api: TestClient, database: Database, world: World, prefer: str | None, status: int
) -> None:
    sent = plan(database, Goods(100))
    bring_to(api, sent.id, "pick")
    headers = world.bearer("dispatcher") | ({"Prefer": prefer} if prefer else {})
    for _ in range(2):
        answer = api.post(
            f"/api/v1/shipments/{sent.id}/dispatch",
            json={"occurred_at": "2020-02-05T09:00:00+08:00"},
            headers=headers,
        )
        assert answer.status_code == status, answer.text
        assert bool(answer.content) is (status == 200)
        assert answer.headers.get("Preference-Applied") == (
            "return=minimal" if status == 204 else None
        )
    assert show(api, sent.id)["state"] == "dispatched"


def test_a_refusal_is_told_whatever_is_preferred(
    api: TestClient, database: Database, world: World
) -> None:
    sent = plan(database, Goods(100))
    answer = api.post(
        f"/api/v1/shipments/{sent.id}/verify",
        json={"occurred_at": "2020-02-05T09:00:00+08:00"},
        headers=world.bearer("dispatcher") | {"Prefer": "return=minimal"},
    )
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("wrong-state")
