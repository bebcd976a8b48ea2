"""What a donor or a consignee signs on their own machine stands in the record, and only that."""

from typing import Any
from uuid import UUID, uuid5

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from ledger.canonical import canonicalize, digest, parse
from services.database import Database
from services.donations.schemas import GoodsIn, MoneyIn
from services.donations.signed import said as pledge_said
from services.jobs.signature_check import check_signatures
from services.journal.log import find_log
from services.journal.read import entry_count, find_entry
from services.journal.verify import check_journal
from services.transport.schemas import ReceiveIn
from services.transport.signed import said as receipt_said
from tests.gifts import JSON, goods, money
from tests.shipments import WHEN, Goods, act, bring_to, count, plan
from tests.signing import Signer, log_of
from tests.world import World

GOODS, MONEY = goods(), money(250)


@pytest.fixture
def donor(api: TestClient, world: World) -> Signer:
    signer = Signer("DONOR1")
    assert signer.register(api, world, "donor").status_code == 201
    return signer


@pytest.fixture
def hospital(api: TestClient, world: World) -> Signer:
    signer = Signer("HOSP1")
    assert signer.register(api, world, "hospital").status_code == 201
    return signer


def told_of(database: Database, body: JSON, donor: str = "DONOR1") -> JSON:
    """What the donor signs of a pledge."""
    form = MoneyIn if body["kind"] == "money" else GoodsIn
    with database.transaction() as session:
        log = find_log(session)
    assert log is not None
    return pledge_said(form.model_validate(body), donor, log)


def signed(database: Database, signer: Signer, body: JSON) -> JSON:
    return body | {"signature": signer.sign(told_of(database, body))}


def send(api: TestClient, world: World, body: JSON, user: str = "donor") -> Any:
    return api.post("/api/v1/donations", json=body, headers=world.bearer(user))


def refused(answer: Any, code: str, status: int = 422) -> JSON:
    assert answer.status_code == status, answer.text
    problem: JSON = answer.json()
    assert problem["type"] == f"urn:medrelay:problem:{code}"
    assert problem["errors"][0]["mend"]
    return problem


def differences(database: Database) -> list[str]:
    with database.transaction() as session:
        found = [each.what for each in check_journal(session)]
        return found + [each.what for each in check_signatures(session)]


def entries(database: Database) -> int:
    with database.transaction() as session:
        return entry_count(session)


def tamper(database: Database, statement: str, **values: object) -> None:
    with database.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sa.text(statement), values)


@pytest.mark.parametrize("body", [GOODS, MONEY], ids=["goods", "money"])
def test_a_signed_pledge_is_an_entry_that_its_donor_cannot_disown(
    api: TestClient, world: World, database: Database, donor: Signer, body: JSON
) -> None:
    sent = signed(database, donor, body)
    assert send(api, world, sent).status_code == 201
    assert send(api, world, sent).status_code == 200
    with database.transaction() as session:
        entry = find_entry(session, uuid5(UUID(body["id"]), "signed"))
    assert entry is not None
    record: Any = parse(entry.body)
    assert (record["kind"], record["moves"]) == ("signed_pledge", [])
    assert record["signatures"] == [sent["signature"]]
    assert record["facts"]["said"] == told_of(database, body)
    assert record["facts"]["said"]["log"] == record["log"] == log_of(api)
    assert differences(database) == []


def test_who_does_not_sign_needs_no_key(api: TestClient, world: World, database: Database) -> None:
    assert send(api, world, goods()).status_code == 201
    assert entries(database) == 0


def test_what_is_signed_is_written_in_one_way(database: Database) -> None:
    """Times in UTC, quantities as text, nothing personal: as docs/signatures.md has it."""
    body = goods(
        given_at="2020-02-01T17:00:00+08:00", message="for my sister", campaign="wuhan-2020"
    )
    told = told_of(database, body)
    text = canonicalize(told).decode()
    assert '"given_at":"2020-02-01T09:00:00.000000Z"' in text
    assert '"quantity":"3"' in text
    assert "sister" not in text
    assert "wuhan" not in text


@pytest.mark.parametrize(
    "change",
    [
        {"lines": [{"item": "gloves", "quantity": 4, "unit": "carton", "batch": "L-1"}]},
        {"lines": [{"item": "gloves", "quantity": 3, "unit": "box", "batch": "L-1"}]},
        {"lines": [{"item": "surgical_mask", "quantity": 3, "unit": "carton", "batch": "L-1"}]},
        {"lines": [{"item": "gloves", "quantity": 3, "unit": "carton", "batch": "L-2"}]},
        {"site": "W2"},
        {"given_at": "2020-02-01T09:00:01Z"},
        {"earmark": {"kind": "site", "target": "H1"}},
        {"id": "5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d11"},
    ],
)
def test_a_signature_fits_no_other_pledge(
    api: TestClient, world: World, database: Database, donor: Signer, change: JSON
) -> None:
    sent = signed(database, donor, goods()) | change
    before = entries(database)
    problem = refused(send(api, world, sent), "wrong-signature")
    assert problem["said"]["organisation"] == "DONOR1"
    assert entries(database) == before
    assert api.get("/api/v1/donations", headers=world.bearer("donor")).json() == []


def test_a_changed_amount_is_refused(
    api: TestClient, world: World, database: Database, donor: Signer
) -> None:
    sent = signed(database, donor, money(250)) | {"amount_minor": 251}
    refused(send(api, world, sent), "wrong-signature")


@pytest.mark.parametrize("field", ["origin", "chain_id", "contract"])
def test_a_signature_for_another_log_is_refused(
    api: TestClient, world: World, database: Database, donor: Signer, field: str
) -> None:
    body = goods()
    told = told_of(database, body)
    told["log"] = {**told["log"], field: "7"}
    refused(send(api, world, body | {"signature": donor.sign(told)}), "wrong-signature")


def test_a_key_that_nobody_registered_is_refused(
    api: TestClient, world: World, database: Database, donor: Signer
) -> None:
    sent = signed(database, Signer("DONOR1", number=2), goods())
    refused(send(api, world, sent), "unknown-key")


def test_another_organisations_key_is_refused(
    api: TestClient, world: World, database: Database, donor: Signer
) -> None:
    other = Signer("DONOR2")
    assert other.register(api, world, "donor2").status_code == 201
    refused(send(api, world, signed(database, other, goods())), "unknown-key")
    # Nor does the key help under the donor's name.
    other.vkey = donor.vkey
    refused(send(api, world, signed(database, other, goods())), "wrong-signature")


def test_a_revoked_key_signs_no_more_and_what_it_signed_stays(
    api: TestClient, world: World, database: Database, donor: Signer
) -> None:
    before = signed(database, donor, goods())
    assert send(api, world, before).status_code == 201
    assert donor.revoke(api, world, "donor").status_code == 200
    refused(send(api, world, signed(database, donor, goods())), "key-revoked", 409)
    assert send(api, world, before).status_code == 200
    assert differences(database) == []


def test_who_wants_not_to_be_named_is_not_named_by_a_signature(
    api: TestClient, world: World, database: Database, donor: Signer
) -> None:
    refused(send(api, world, signed(database, donor, goods(anonymous=True))), "invalid-input")


@pytest.mark.parametrize(
    "sig", ["", "x", "AAAA", "A" * 86 + "==", "A" * 85 + "B==", " " + "A" * 86 + "==", "é"]
)
def test_what_is_no_signature_is_refused(
    api: TestClient, world: World, donor: Signer, sig: str
) -> None:
    body = goods(signature={"key": donor.vkey, "sig": sig})
    refused(send(api, world, body), "wrong-signature")


@pytest.mark.parametrize("key", ["", "DONOR1", "DONOR1+00000000+AAAA", "é", "{vkey} ", "x\n{vkey}"])
def test_what_is_no_key_is_refused(api: TestClient, world: World, donor: Signer, key: str) -> None:
    body = goods(signature={"key": key.format(vkey=donor.vkey), "sig": "AAAA"})
    answer = send(api, world, body)
    assert answer.status_code == 422


def receipt_of(
    database: Database, signer: Signer, shipment: UUID, lines: list[JSON], sign_as: str = "HOSP1"
) -> JSON:
    body = ReceiveIn.model_validate({"occurred_at": WHEN["receive"], "lines": lines})
    with database.transaction() as session:
        log = find_log(session)
    assert log is not None
    return signer.sign(receipt_said(body, shipment, sign_as, log))


def test_a_consignee_signs_the_count(api: TestClient, database: Database, hospital: Signer) -> None:
    sent = plan(database, Goods(100))
    bring_to(api, sent.id, "deliver")
    lines = [count(1, 90, 6, 4, reason="torn")]
    signature = receipt_of(database, hospital, sent.id, lines)
    for _ in range(2):
        answer = act(api, sent.id, "receive", lines=lines, signature=signature)
        assert answer.status_code == 200, answer.text
    with database.transaction() as session:
        entry = find_entry(session, uuid5(sent.id, "receive/signed"))
    assert entry is not None
    record: Any = parse(entry.body)
    assert record["facts"]["said"]["lines"] == [
        {"line": 1, "accepted": "90", "rejected": "6", "short": "4"}
    ]
    assert b"torn" not in entry.body
    assert differences(database) == []


def test_a_signature_fits_no_other_receipt(
    api: TestClient, database: Database, hospital: Signer
) -> None:
    first, second = plan(database, Goods(100)), plan(database, Goods(100))
    for sent in (first, second):
        bring_to(api, sent.id, "deliver")
    lines = [count(1, 100)]
    signature = receipt_of(database, hospital, first.id, lines)
    refused(act(api, second.id, "receive", lines=lines, signature=signature), "wrong-signature")
    short = [count(1, 99, 0, 1)]
    refused(act(api, first.id, "receive", lines=short, signature=signature), "wrong-signature")
    assert act(api, first.id, "receive", lines=lines, signature=signature).status_code == 200
    assert act(api, second.id, "receive", lines=lines).status_code == 200


@pytest.mark.parametrize("part", ["accepted", "rejected", "short"])
def test_check_names_a_booking_that_is_not_what_the_consignee_signed(
    api: TestClient, database: Database, hospital: Signer, part: str
) -> None:
    sent = plan(database, Goods(100))
    bring_to(api, sent.id, "deliver")
    lines = [count(1, 90, 6, 4, reason="torn")]
    signature = receipt_of(database, hospital, sent.id, lines)
    assert act(api, sent.id, "receive", lines=lines, signature=signature).status_code == 200
    booked = uuid5(sent.id, f"receive/{part}")
    tamper(database, "DELETE FROM entry WHERE id = :id", id=booked)
    with database.transaction() as session:
        (difference,) = check_signatures(session)
    assert difference.what == "signed_count"
    assert difference.where.endswith(part)
    assert difference.found == "0"


def test_the_desk_cannot_sign_for_the_hospital(
    api: TestClient, world: World, database: Database, hospital: Signer
) -> None:
    desk = Signer("RELIEF")
    assert desk.register(api, world, "dispatcher").status_code == 201
    sent = plan(database, Goods(100))
    bring_to(api, sent.id, "deliver")
    for name in ("HOSP1", "RELIEF"):
        signature = receipt_of(database, desk, sent.id, [count(1, 100)], sign_as=name)
        answer = act(api, sent.id, "receive", lines=[count(1, 100)], signature=signature)
        refused(answer, "unknown-key")


def test_check_names_a_signature_that_the_operator_changed(
    api: TestClient, world: World, database: Database, donor: Signer
) -> None:
    body = goods()
    send(api, world, signed(database, donor, body))
    entry_id = uuid5(UUID(body["id"]), "signed")
    with database.transaction() as session:
        entry = find_entry(session, entry_id)
    assert entry is not None
    record: Any = parse(entry.body)
    record["facts"]["said"]["lines"][0]["quantity"] = "5"
    new = canonicalize(record)
    sent = {k: v for k, v in record.items() if k not in {"log", "recorded_at", "_sd"}}
    tamper(
        database,
        "UPDATE entry SET body = :body, digest = :digest, content_digest = :content WHERE id = :id",
        body=new,
        digest=digest(new),
        content=digest(canonicalize(sent)),
        id=entry_id,
    )
    assert differences(database) == ["signature"]


@pytest.mark.parametrize("facts", [[], "x", {}, {"said": []}, {"said": {}}])
def test_check_survives_facts_of_another_form(
    api: TestClient, world: World, database: Database, donor: Signer, facts: object
) -> None:
    body = goods()
    send(api, world, signed(database, donor, body))
    entry_id = uuid5(UUID(body["id"]), "signed")
    with database.transaction() as session:
        entry = find_entry(session, entry_id)
    assert entry is not None
    new = canonicalize({**parse(entry.body), "facts": facts})  # type: ignore[dict-item]
    tamper(database, "UPDATE entry SET body = :body WHERE id = :id", body=new, id=entry_id)
    assert "signature" in differences(database)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE party_key SET revoked_at = now()",
        "DELETE FROM party_key",
        "UPDATE party_key SET vkey = 'x'",
        "UPDATE party_key SET organisation = 'DONOR2'",
    ],
)
def test_check_names_a_key_that_its_entries_do_not_tell_of(
    database: Database, donor: Signer, statement: str
) -> None:
    tamper(database, statement)
    assert set(differences(database)) == {"party_key"}


def test_check_names_a_signature_by_a_key_registered_only_later(
    api: TestClient, world: World, database: Database, donor: Signer
) -> None:
    send(api, world, signed(database, donor, goods()))
    tamper(
        database,
        "UPDATE entry SET recorded_at = recorded_at + interval '1 hour' "
        "WHERE kind = 'key_registered'",
    )
    assert set(differences(database)) == {"entry_column", "signature"}


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "signed by their donor or consignee"), ("zh", "由捐赠方或收货方签名")],
)
def test_pages_show_who_signed_and_how_many(
    api: TestClient, world: World, database: Database, donor: Signer, language: str, words: str
) -> None:
    body = goods()
    entry = f"/{language}/entries/{uuid5(UUID(body['id']), 'signed')}"
    assert words not in api.get(f"/{language}/log").text
    send(api, world, signed(database, donor, body))
    assert words in api.get(f"/{language}/log").text
    page = api.get(entry).text
    assert "DONOR1" in page
    assert f"({donor.key_id})" in page or f"（{donor.key_id}）" in page
