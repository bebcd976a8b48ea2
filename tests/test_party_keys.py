"""Keys that organisations sign with: registered and revoked by themselves, once."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import col, select

from ledger.canonical import canonicalize, digest, parse
from ledger.statement import read_key, verify_statement
from services.database import Database
from services.journal.models import Entry
from tests.browser import Browser, went_to
from tests.signing import Signer, log_of
from tests.test_signatures import differences, entries, refused, tamper
from tests.world import World

OTHER = Signer("DONOR1", 2)


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
        json=other.registration(api),
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


def record_of(database: Database) -> tuple[Entry, Any]:
    """The one entry, and what it says."""
    with database.transaction() as session:
        entry = session.exec(select(Entry)).one()
    return entry, parse(entry.body)


def test_that_the_key_is_ones_own_stands_in_the_log(
    api: TestClient, database: Database, donor: Signer
) -> None:
    _, record = record_of(database)
    said = record["facts"]["said"]
    assert said["log"] == record["log"] == log_of(api)
    assert (said["organisation"], said["key"]) == ("DONOR1", donor.vkey)
    (shown,) = record["signatures"]
    assert shown["key"] == donor.vkey
    verify_statement(said, read_key(donor.vkey), shown["sig"])


def wrong_signatures(api: TestClient) -> dict[str, str | None]:
    """What doesn't show that somebody has DONOR1's first key."""
    donor = Signer("DONOR1")
    said = {"type": "medrelay-key/1", "log": log_of(api), "organisation": "DONOR1"}
    of_another_log = {**said, "key": donor.vkey, "log": {**log_of(api), "chain_id": "1"}}
    return {
        "none": None,
        "empty": "",
        "no base64": "é",
        "another key's": str(OTHER.sign({**said, "key": donor.vkey})["sig"]),
        "another key's own": str(OTHER.registration(api)["sig"]),
        "for another log": str(donor.sign(of_another_log)["sig"]),
        "for nothing named": str(donor.sign(said)["sig"]),
        "of another kind": str(donor.sign({**said, "key": donor.vkey, "type": "x/1"})["sig"]),
        "under another name": str(
            donor.sign({**said, "key": donor.vkey, "organisation": "DONOR2"})["sig"]
        ),
    }


@pytest.mark.parametrize(
    "which",
    [
        *("none", "empty", "no base64", "another key's", "another key's own", "for another log"),
        *("for nothing named", "of another kind", "under another name"),
    ],
)
def test_who_does_not_show_that_they_have_a_key_does_not_register_it(
    api: TestClient, world: World, database: Database, which: str
) -> None:
    donor = Signer("DONOR1")
    answer = donor.register(api, world, "donor", sig=wrong_signatures(api)[which])
    problem = refused(answer, "key-not-shown")
    assert entries(database) == 0
    assert api.get("/api/v1/organisations/DONOR1/keys").json() == []
    # What the refusal gives to be signed is what registers the key.
    sig = donor.sign(json.loads(problem["to_sign"]))["sig"]
    assert donor.register(api, world, "donor", sig=sig).status_code == 201


def rewrite(database: Database, entry: Entry, record: Any) -> None:
    """The entry as one could make it with the database alone."""
    new = canonicalize(record)
    sent = {k: v for k, v in record.items() if k not in {"log", "recorded_at", "_sd"}}
    tamper(
        database,
        "UPDATE entry SET body = :body, digest = :digest, content_digest = :content WHERE id = :id",
        body=new,
        digest=digest(new),
        content=digest(canonicalize(sent)),
        id=entry.id,
    )


def without_proof(database: Database) -> None:
    """The only registration as it was written before keys were to be shown."""
    entry, record = record_of(database)
    del record["facts"]["said"]
    record["signatures"] = []
    rewrite(database, entry, record)


def test_a_key_from_before_it_was_to_be_shown_still_signs(
    api: TestClient, world: World, database: Database, donor: Signer
) -> None:
    without_proof(database)
    assert differences(database) == []
    assert donor.register(api, world, "donor").status_code == 200
    assert OTHER.register(api, world, "donor").status_code == 201
    assert differences(database) == []


def test_check_names_a_key_that_was_not_shown_after_others_were(
    api: TestClient, world: World, database: Database, donor: Signer
) -> None:
    assert donor.revoke(api, world, "donor").status_code == 200
    assert OTHER.register(api, world, "donor").status_code == 201
    with database.transaction() as session:
        newest = select(Entry).order_by(col(Entry.recorded_at).desc()).limit(1)
        entry = session.exec(newest).one()
    record: Any = parse(entry.body)
    del record["facts"]["said"]
    rewrite(database, entry, {**record, "signatures": []})
    assert differences(database) == ["key_not_shown"]


@pytest.mark.parametrize("field", ["sig", "key", "organisation", "log", "said", "none", "twice"])
def test_check_names_a_registration_that_was_changed(
    api: TestClient, database: Database, donor: Signer, field: str
) -> None:
    entry, record = record_of(database)
    said = record["facts"]["said"]
    (shown,) = record["signatures"]
    if field == "sig":
        shown["sig"] = OTHER.sign(said)["sig"]
    elif field == "key":
        shown |= OTHER.sign(said)
    elif field == "organisation":
        said["organisation"] = "DONOR2"
    elif field == "log":
        said["log"]["chain_id"] = "1"
        shown |= donor.sign(said)
    elif field == "said":
        del record["facts"]["said"]
    else:
        record["signatures"] = [] if field == "none" else [shown, shown]
    rewrite(database, entry, record)
    assert differences(database) == ["key_not_shown"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_on_its_own_page_an_organisation_registers_a_key_and_revokes_it(
    api: TestClient, database: Database, language: str
) -> None:
    own, browser, key = f"/{language}/me", Browser(api, database, "donor"), Signer("DONOR1")
    page = browser.get(own)
    assert "medrelay keygen DONOR1.key --name DONOR1 --log log.json" in page
    assert "medrelay sign pledge pledge.json --key DONOR1.key --name DONOR1" in page
    answer = browser.fill(own, key.registration(api), f"{own}/keys")
    assert went_to(answer) == own
    assert key.vkey in browser.get(own)
    revoke = browser.form(own, f"{own}/keys/{key.key_id}/revoke")
    assert went_to(browser.send(revoke)) == own
    assert f"{key.key_id}/revoke" not in browser.get(own)
    (listed,) = api.get("/api/v1/organisations/DONOR1/keys").json()
    assert listed["revoked_at"]
    assert differences(database) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"sig": ""}, "sig"),
        ({"sig": "AAAA"}, "sig"),
        ({"vkey": ""}, "vkey"),
        ({"vkey": "x"}, "vkey"),
    ],
)
def test_what_registers_no_key_is_told_beside_the_form(
    api: TestClient, database: Database, changes: dict[str, str], field: str
) -> None:
    browser, key = Browser(api, database, "hospital"), Signer("HOSP1")
    given = key.registration(api) | changes
    answer = browser.fill("/en/me", given, "/en/me/keys")
    assert answer.status_code == 422
    assert f'id="{field}-slip"' in answer.text
    assert entries(database) == 0


def test_nobody_revokes_anothers_key_on_their_own_page(
    api: TestClient, world: World, database: Database, donor: Signer
) -> None:
    address = f"/en/me/keys/{donor.key_id}/revoke"
    assert Browser(api, database, "donor2").post(address, {}).status_code == 404
    assert Browser(api, database).post(address, {}).status_code in {303, 401}
    (listed,) = api.get("/api/v1/organisations/DONOR1/keys").json()
    assert listed["revoked_at"] is None
