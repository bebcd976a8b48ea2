"""Keys that organisations sign with: registered and revoked by themselves, once."""

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from tests.signing import Signer
from tests.test_signatures import differences, entries, refused
from tests.world import World


@pytest.fixture
def donor(api: TestClient, world: World) -> Signer:
    signer = Signer("DONOR1")
    assert signer.register(api, world, "donor").status_code == 201
    return signer


def test_a_key_is_registered_once_by_its_own_organisation(
    api: TestClient, world: World, database: Database, donor: Signer
) -> None:
    assert donor.register(api, world, "donor").status_code == 200
    refused(donor.register(api, world, "donor2"), "forbidden", 403)
    refused(Signer("DONOR1", 2).register(api, world, "admin"), "forbidden", 403)
    refused(donor.revoke(api, world, "donor2"), "forbidden", 403)
    assert entries(database) == 1
    listed = api.get("/api/v1/organisations/DONOR1/keys").json()
    assert [(key["vkey"], key["revoked_at"]) for key in listed] == [(donor.vkey, None)]
    for _ in range(2):
        assert donor.revoke(api, world, "admin").json()["revoked_at"]
    assert entries(database) == 2
    refused(donor.register(api, world, "donor"), "conflict", 409)
    assert differences(database) == []


def test_a_key_under_another_name_is_refused(api: TestClient, world: World) -> None:
    other = Signer("DONOR2")
    answer = api.post(
        "/api/v1/organisations/DONOR1/keys",
        json={"vkey": other.vkey},
        headers=world.bearer("donor"),
    )
    refused(answer, "invalid-input")


@pytest.mark.parametrize("vkey", ["", "x", "DONOR1+00000000+AAAA", "DONOR1+é+é"])
def test_what_is_no_public_key_is_not_registered(api: TestClient, world: World, vkey: str) -> None:
    answer = api.post(
        "/api/v1/organisations/DONOR1/keys", json={"vkey": vkey}, headers=world.bearer("donor")
    )
    refused(answer, "invalid-input")


def test_keys_of_nobody_are_not_found(api: TestClient, world: World) -> None:
    assert api.get("/api/v1/organisations/NOBODY/keys").status_code == 404
    assert Signer("NOBODY").register(api, world, "donor").status_code == 404
    revoked = api.post(
        "/api/v1/organisations/DONOR1/keys/00000000/revoke", headers=world.bearer("donor")
    )
    assert revoked.status_code == 404
