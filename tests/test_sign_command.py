"""`medrelay keygen` and `medrelay sign`: what they print is what the API takes."""

import json
import stat
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from ledger.canonical import canonicalize
from ledger.checkpoint import VerifierKey
from ledger.statement import verify_statement
from services import cli
from tests.gifts import JSON, goods, money
from tests.shipments import WHEN, Goods, act, bring_to, count, plan
from tests.world import World


class Desk:
    """A donor's own folder: the key, the log's answer, and the request to sign."""

    def __init__(self, folder: Path, api: TestClient, name: str) -> None:
        self.folder, self.name = folder, name
        (folder / "log.json").write_text(api.get("/api/v1/audit/log").text)
        self.vkey = self.run("keygen", str(folder / "key"), "--name", name)[1].strip()

    def run(self, *arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli.app, arguments)
        return result.exit_code, result.output

    def registration(self, log: str = "log.json") -> tuple[int, str]:
        key, told = str(self.folder / "key"), str(self.folder / log)
        return self.run("keygen", key, "--name", self.name, "--log", told)

    def sign(self, what: str, body: JSON, *more: str, key: str = "key") -> tuple[int, str]:
        (self.folder / "body.json").write_text(json.dumps(body))
        return self.run(
            "sign",
            what,
            str(self.folder / "body.json"),
            "--key",
            str(self.folder / key),
            "--name",
            self.name,
            "--log",
            str(self.folder / "log.json"),
            *more,
        )


@pytest.fixture
def donor(tmp_path: Path, api: TestClient, world: World) -> Desk:
    desk = Desk(tmp_path, api, "DONOR1")
    register(api, world, desk, "donor")
    return desk


def register(api: TestClient, world: World, desk: Desk, user: str) -> None:
    code, printed = desk.registration()
    assert code == 0, printed
    answer = api.post(
        f"/api/v1/organisations/{desk.name}/keys",
        json=json.loads(printed),
        headers=world.bearer(user),
    )
    assert answer.status_code == 201, answer.text


def test_the_key_is_its_owners_alone_and_is_made_once(donor: Desk) -> None:
    file = donor.folder / "key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secret = file.read_text()
    assert VerifierKey.decode(donor.vkey).name == "DONOR1"
    code, again = donor.run("keygen", str(file), "--name", "DONOR1")
    assert (code, again.strip()) == (0, donor.vkey)
    assert file.read_text() == secret
    assert secret.strip() not in again


def test_a_folder_that_is_not_there_is_made_for_the_key(tmp_path: Path, donor: Desk) -> None:
    file = tmp_path / "keys" / "mine" / "donor.key"
    code, told = donor.run("keygen", str(file), "--name", "DONOR1")
    assert (code, VerifierKey.decode(told.strip()).name) == (0, "DONOR1")
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    (tmp_path / "file").write_text("")
    assert donor.run("keygen", str(tmp_path / "file" / "key"), "--name", "DONOR1")[0] == 2


def test_keygen_prints_what_registers_the_key_the_same_each_time(donor: Desk) -> None:
    code, printed = donor.registration()
    told = json.loads(printed)
    assert (code, told["vkey"], list(told)) == (0, donor.vkey, ["vkey", "sig"])
    assert donor.registration() == (0, printed)


@pytest.mark.parametrize("log", ["[]", "{}", "x", '{"origin":1,"chain_id":"x"}'])
def test_for_a_log_that_is_none_no_key_is_made(donor: Desk, log: str) -> None:
    (donor.folder / "no.json").write_text(log)
    new = donor.folder / "new"
    told = str(donor.folder / "no.json")
    assert donor.run("keygen", str(new), "--name", "DONOR1", "--log", told)[0] == 2
    assert not new.exists()


@pytest.mark.parametrize(
    "body",
    [
        goods(message="for you"),
        money(250, message="The lots :100: and :x:"),
        goods(earmark={"kind": "site", "target": "H1"}),
        goods(lines=[{"item": "gloves", "quantity": 3, "unit": "carton", "batch": "G:100:7"}]),
    ],
)
def test_a_signed_pledge_is_taken_as_it_is_printed(
    api: TestClient, world: World, donor: Desk, body: JSON
) -> None:
    code, printed = donor.sign("pledge", body)
    assert code == 0, printed
    assert json.loads(printed) == body | {"signature": json.loads(printed)["signature"]}
    answer = api.post("/api/v1/donations", json=json.loads(printed), headers=world.bearer("donor"))
    assert answer.status_code == 201, answer.text


def test_a_signed_receipt_is_taken_as_it_is_printed(
    api: TestClient, world: World, database: object, tmp_path: Path
) -> None:
    hospital = Desk(tmp_path, api, "HOSP1")
    register(api, world, hospital, "hospital")
    sent = plan(database, Goods(100))  # type: ignore[arg-type]
    bring_to(api, sent.id, "deliver")
    body = {"occurred_at": WHEN["receive"], "lines": [count(1, 100)]}
    code, printed = hospital.sign("receipt", body, "--shipment", str(sent.id))
    assert code == 0, printed
    assert act(api, sent.id, "receive", **json.loads(printed)).status_code == 200


def test_the_bytes_that_are_signed_can_be_looked_at(donor: Desk) -> None:
    body = goods()
    _, shown = donor.sign("pledge", body, "--statement")
    said = json.loads(shown)
    assert canonicalize(said).decode() == shown.rstrip("\n")
    signature = json.loads(donor.sign("pledge", body)[1])["signature"]
    verify_statement(said, VerifierKey.decode(donor.vkey), signature["sig"])


@pytest.mark.parametrize(
    ("what", "body", "named"),
    [
        ("pledge", {}, "has an id of its own"),
        ("pledge", goods(lines=[]), "lines"),
        ("pledge", goods(given_at="yesterday"), "given_at"),
        ("pledge", money(0), "amount_minor"),
        ("pledge", goods(surprise=1), "surprise"),
        ("receipt", {"lines": []}, "--shipment"),
    ],
)
def test_what_cannot_be_signed_is_told_by_field(
    donor: Desk, what: str, body: JSON, named: str
) -> None:
    code, told = donor.sign(what, body)
    assert (code, named in told) == (2, True), told


def test_a_receipt_that_cannot_be_is_told(donor: Desk) -> None:
    code, told = donor.sign("receipt", {"lines": []}, "--shipment", str(uuid4()))
    assert (code, "occurred_at" in told) == (2, True)


@pytest.mark.parametrize(
    ("mode", "text", "named"), [(0o644, "00" * 32, "chmod 600"), (0o600, "x", "key")]
)
def test_a_key_file_that_is_none_is_refused(donor: Desk, mode: int, text: str, named: str) -> None:
    other = donor.folder / "other"
    other.write_text(text)
    other.chmod(mode)
    code, told = donor.sign("pledge", goods(), key="other")
    assert (code, named in told) == (2, True), told


@pytest.mark.parametrize("name", ["with space", "plus+sign", ""])
def test_a_name_that_no_key_can_have_is_refused(tmp_path: Path, donor: Desk, name: str) -> None:
    assert donor.run("keygen", str(tmp_path / "new"), "--name", name)[0] == 2
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("log", ["[]", "{}", '{"origin":"x"}', "x", '{"origin":1,"chain_id":"x"}'])
def test_a_log_that_is_none_is_refused(donor: Desk, log: str) -> None:
    (donor.folder / "log.json").write_text(log)
    assert donor.sign("pledge", goods())[0] == 2


@pytest.mark.parametrize("body", [[], "text", 1, None])
def test_a_request_that_is_no_object_is_refused(donor: Desk, body: object) -> None:
    code, told = donor.sign("pledge", body)  # type: ignore[arg-type]
    assert (code, "no JSON object" in told) == (2, True), told
