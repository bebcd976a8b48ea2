"""What a stranger downloads to check us alone, and the cosignatures that witnesses bring."""

import gzip
import hashlib
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi.testclient import TestClient
from pydantic import ValidationError

from ledger import verify
from ledger.checkpoint import VerifierKey, WitnessKey, cosign, verify_cosignature
from services.audit import chain_rpc, verifier_api
from services.audit.service import find_contract, newest_checkpoint
from services.database import Database
from services.jobs.keys import rotate_log_key
from services.jobs.log import LogWriter
from services.settings import Settings
from tests import gifts
from tests.pristine import PristineDatabase
from tests.signing import Signer
from tests.world import World, stock

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
WITNESS = WitnessKey("witness.example/w1", KEY.public_key())
NOON = 1580731200


def test_the_verifier_is_given_out_as_it_is_with_its_digest(api: TestClient) -> None:
    answer = api.get("/log/verify.py")
    source = Path(__file__).parents[1] / "ledger" / "verify.py"
    assert answer.content == source.read_bytes()
    assert "verify.py" in answer.headers["content-disposition"]
    digest = hashlib.sha256(answer.content).hexdigest()
    assert api.get("/log/verify.py.sha256").text == f"{digest}  verify.py\n"


@pytest.fixture
def note(
    database: Database, pristine: PristineDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The checkpoint of a log with a few leaves, which takes the witness's cosignatures."""
    pristine.lay_out_log(tmp_path)
    settings = Settings(data_dir=tmp_path, witness_keys=(WITNESS.encode(),))
    monkeypatch.setattr(verifier_api, "get_settings", lambda: settings)
    with database.transaction() as session:
        stock(session)
    writer = LogWriter(settings, database)
    writer.run_once()
    writer.close()
    with database.transaction() as session:
        return newest_checkpoint(session).note


def size_of(note: str) -> int:
    return int(note.split("\n")[1])


def send(api: TestClient, note: str, line: str, **more: Any) -> tuple[int, Any]:
    answer = api.post("/log/cosignature", json={"size": size_of(note), "line": line} | more)
    return answer.status_code, answer.json()


def test_a_cosignature_is_given_out_with_the_checkpoint(api: TestClient, note: str) -> None:
    line = cosign(note, WITNESS.name, KEY, NOON)
    told = {"size": size_of(note), "witness": WITNESS.name, "time_s": NOON}
    assert send(api, note, line) == (200, told)
    given = api.get("/log/checkpoint").text
    assert given == f"{note}{line}\n"
    assert verify_cosignature(given, WITNESS).time_s == NOON


def test_the_first_cosignature_stays(api: TestClient, note: str) -> None:
    first, later = (cosign(note, WITNESS.name, KEY, NOON + more) for more in (0, 5))
    for line in (first, first, later, first):
        assert send(api, note, line)[0] == 200
    assert api.get("/log/checkpoint").text == f"{note}{first}\n"


def test_what_no_known_witness_signed_is_not_kept(api: TestClient, note: str) -> None:
    stranger = Ed25519PrivateKey.generate()
    good = cosign(note, WITNESS.name, KEY, NOON)
    other_note = note.replace(note.split("\n")[2], "A" * 43 + "=")
    for line, status, why in (
        (cosign(note, "stranger.example", stranger, NOON), 403, "keeps no cosignatures"),
        (cosign(note, WITNESS.name, stranger, NOON), 403, "keeps no cosignatures"),
        (f"— {WITNESS.name} é{good[-40:]}", 422, "isn't base64"),
        (f"— {WITNESS.name} ", 403, "keeps no cosignatures"),
        (cosign(other_note, WITNESS.name, KEY, NOON), 422, "doesn't match the text"),
        (good[:-3] + "B==", 422, "canonical form"),
        (good.replace("— ", "- "), 403, "keeps no cosignatures"),
        (good.replace(" ", "  "), 403, "keeps no cosignatures"),
        (good + "\n" + good, 422, ""),
        (f"{good}\n\nx\n{good}", 422, ""),
        ("x", 403, "keeps no cosignatures"),
        ("", 422, ""),
    ):
        found, problem = send(api, note, line)
        assert (found, why in problem["detail"]) == (status, True), (line, problem)
        assert problem["errors"][0]["mend"]
    assert api.get("/log/checkpoint").text == note


def test_a_witness_is_known_by_its_old_key_and_its_new_one(
    api: TestClient, note: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, unknown = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    known = (WITNESS, WitnessKey(WITNESS.name, new.public_key()))
    settings = Settings(data_dir=tmp_path, witness_keys=tuple(key.encode() for key in known))
    monkeypatch.setattr(verifier_api, "get_settings", lambda: settings)
    assert send(api, note, cosign(note, WITNESS.name, unknown, NOON))[0] == 403
    for key in (new, KEY):
        assert send(api, note, cosign(note, WITNESS.name, key, NOON))[0] == 200
    given = api.get("/log/checkpoint").text
    assert [verify_cosignature(given, key).time_s for key in known] == [NOON, NOON]


@pytest.mark.parametrize("size", [10**6, 2**63 - 1])
def test_a_size_that_has_no_checkpoint_is_not_found(api: TestClient, note: str, size: int) -> None:
    found, problem = send(api, note, cosign(note, WITNESS.name, KEY, NOON), size=size)
    assert (found, "no checkpoint of" in problem["detail"]) == (404, True)


@pytest.mark.parametrize("size", [-1, 2**63, "1", None, 1.5])
def test_a_size_that_is_none_is_refused(api: TestClient, note: str, size: object) -> None:
    assert send(api, note, cosign(note, WITNESS.name, KEY, NOON), size=size)[0] == 422


def test_a_log_without_witnesses_takes_no_cosignature(
    api: TestClient, note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier_api, "get_settings", Settings)
    assert send(api, note, cosign(note, WITNESS.name, KEY, NOON))[0] == 403


@pytest.mark.parametrize("vkey", ["", "a+b+c", VerifierKey("log", KEY.public_key()).encode()])
def test_a_witness_key_that_is_none_is_refused_at_the_start(vkey: str) -> None:
    with pytest.raises(ValidationError, match="witness_keys"):
        Settings(witness_keys=(vkey,))


def test_what_was_downloaded_checks_what_was_downloaded(
    api: TestClient, note: str, database: Database, tmp_path: Path
) -> None:
    """A journalist's way: downloads, the key from the log's page, Python and nothing of ours."""
    assert send(api, note, cosign(note, WITNESS.name, KEY, NOON))[0] == 200
    own = tmp_path / "stranger"
    own.mkdir()
    (own / "verify.py").write_bytes(api.get("/log/verify.py").content)
    (own / "dump.jsonl.gz").write_bytes(api.get("/log/dump.jsonl.gz").content)
    (own / "checkpoint").write_bytes(api.get("/log/checkpoint").content)
    with database.transaction() as session:
        known = find_contract(session)
    assert known is not None
    command = [
        sys.executable, "-I", "verify.py", "--dump", "dump.jsonl.gz", "--checkpoint", "checkpoint",
        "--vkey", known.verifier_key, "--witness", WITNESS.encode(),
    ]  # fmt: skip
    answer = subprocess.run(command, cwd=own, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "1 of 1 witnesses cosigned it: witness.example/w1" in answer.stdout
    assert "add up" in answer.stdout


@pytest.fixture
def folder(
    api: TestClient, note: str, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """What a reader downloaded: an old checkpoint, and of today all else; verify asks this log."""

    def fetch(url: str, body: bytes | None = None) -> bytes:
        path = url.removeprefix("http://log.example")
        head = {"Content-Type": "application/json"}
        answer = api.get(path) if body is None else api.post(path, content=body, headers=head)
        assert answer.status_code == 200, (url, answer.text)
        return answer.content

    monkeypatch.setattr(verify, "fetch", fetch)
    settings = Settings(data_dir=tmp_path)
    monkeypatch.setattr(chain_rpc, "get_settings", lambda: settings)
    own = tmp_path / "stranger"
    own.mkdir()
    (own / "old").write_text(note)
    with database.transaction() as session:
        for key in ("second", "third", "fourth"):
            stock(session, key=key)
        stock(session, "W2", "surgical_mask", 70, key="fifth")
    writer = LogWriter(settings, database)
    writer.run_once()
    writer.close()
    for name, path in (("dump", "dump.jsonl.gz"), ("new", "checkpoint")):
        (own / name).write_bytes(api.get(f"/log/{path}").content)
    [entry, *_] = api.get("/api/v1/audit/entries?limit=1").json()
    receipt = api.get(f"/api/v1/audit/entries/{entry['id']}/receipt")
    (own / "receipt").write_bytes(receipt.content)
    return own


Capture = pytest.CaptureFixture[str]


def run(folder: Path, capsys: Capture, *arguments: str) -> tuple[int, str]:
    known = {entry.name for entry in folder.iterdir()}
    code = verify.main([str(folder / one) if one in known else one for one in arguments])
    return code, capsys.readouterr().out


def test_all_levels_are_reached_over_the_logs_own_pages(
    api: TestClient, folder: Path, capsys: Capture
) -> None:
    log = api.get("/api/v1/audit/log").json()
    node = ("--rpc", "http://log.example/chain/rpc", "--contract", log["contract"])
    code, told = run(folder, capsys, "receipt", "--vkey", log["verifier_key"], *node)
    assert (code, "It holds against the log contract on the chain." in told) == (0, True), told
    growth = ("--growth", "http://log.example/")
    code, told = run(
        folder, capsys, "receipt", "--vkey", log["verifier_key"], "--checkpoint", "old", *growth
    )
    assert (code, "grew into that of" in told) == (0, True), told
    code, told = run(folder, capsys, "receipt", "--dump", "dump", "--checkpoint", "new", *node)
    assert (code, "The contract keeps the root over the dump's" in told) == (0, True), told
    assert re.search(r"surgical_mask +70 +70 +0 +0 +0 +0\n", told)


def test_a_change_of_the_logs_key_is_followed_over_the_logs_own_pages(
    api: TestClient, folder: Path, database: Database, tmp_path: Path, capsys: Capture
) -> None:
    """As its page has it: a checkpoint kept under the first key, a receipt under the second."""
    settings = Settings(data_dir=tmp_path)
    assert "--key-change" not in api.get("/en/log").text
    rotate_log_key(settings, database)
    with database.transaction() as session:
        stock(session, key="after")
    with closing(LogWriter(settings, database)) as writer:
        writer.run_once()
    page = api.get("/en/log").text
    assert "--key-change log.json" in page
    assert "--checkpoint checkpoint.txt --growth http://testserver/" in page
    (folder / "log.json").write_bytes(api.get("/api/v1/audit/log").content)
    (folder / "new").write_bytes(api.get("/log/checkpoint").content)
    (folder / "dump").write_bytes(api.get("/log/dump.jsonl.gz").content)
    [entry, *_] = api.get("/api/v1/audit/entries?limit=1").json()
    receipt = api.get(f"/api/v1/audit/entries/{entry['id']}/receipt")
    (folder / "newest").write_bytes(receipt.content)
    key = ("--vkey", api.get("/api/v1/audit/log").json()["verifier_key"])
    change, growth = ("--key-change", "log.json"), ("--growth", "http://log.example/")
    for asked in (
        ("newest",),
        ("receipt",),
        ("newest", "--checkpoint", "old", *growth),
        ("receipt", "--checkpoint", "new", *growth),
        ("--dump", "dump", "--checkpoint", "new"),
    ):
        code, told = run(folder, capsys, *asked, *key, *change)
        assert (code, "handed over from its key" in told) == (0, True), told
    for asked in (("newest",), ("--dump", "dump", "--checkpoint", "new")):
        code, told = run(folder, capsys, *asked, *key)
        assert (code, "--key-change" in told) == (1, True), told


def test_what_organisations_signed_is_checked_in_the_logs_own_dump(
    api: TestClient, folder: Path, world: World, database: Database, tmp_path: Path, capsys: Capture
) -> None:
    signer, body = Signer("DONOR1"), gifts.money(250)
    assert signer.register(api, world, "donor").status_code == 201
    headers = world.bearer("donor")
    # The signature of another statement is refused, and the answer shows what to sign.
    wrong = body | {"signature": signer.sign({})}
    said = api.post("/api/v1/donations", json=wrong, headers=headers).json()["said"]
    signed = body | {"signature": signer.sign(said)}
    assert api.post("/api/v1/donations", json=signed, headers=headers).status_code == 201
    assert signer.revoke(api, world, "donor").status_code == 200
    with closing(LogWriter(Settings(data_dir=tmp_path), database)) as writer:
        writer.run_once()
    (folder / "dump").write_bytes(api.get("/log/dump.jsonl.gz").content)
    (folder / "new").write_bytes(api.get("/log/checkpoint").content)
    code, told = run(folder, capsys, "--dump", "dump", "--checkpoint", "new")
    assert (code, "Signed by donors or consignees: 1 of them, of 1 org" in told) == (0, True), told


def test_another_contract_and_another_log_are_told(
    api: TestClient, folder: Path, capsys: Capture
) -> None:
    node = ("--rpc", "http://log.example/chain/rpc", "--contract", "0x" + "12" * 20)
    assert run(folder, capsys, "receipt", *node)[0] == 1
    assert run(folder, capsys, "--dump", "dump", *node)[0] == 1
    lines = gzip.decompress((folder / "dump").read_bytes()).splitlines(keepends=True)
    (folder / "short").write_bytes(b"".join(lines[:-1]))
    code, told = run(folder, capsys, "--dump", "short", "--checkpoint", "new")
    assert (code, "some are withheld" in told) == (1, True), told
