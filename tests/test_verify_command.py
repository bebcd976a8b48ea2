"""`medrelay verify` believes what it was told of the log, and nothing that a receipt names."""

import gzip
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from ledger.jsonrpc import JsonRpcChain
from ledger.merkle import leaf_hash
from ledger.proof import ChainEvidence, Receipt
from services import cli, verify_command
from services.audit.anchoring import log_keys
from services.audit.service import find_contract, receipt_of
from services.database import Database
from services.jobs.keys import rotate_log_key
from services.jobs.log import LogWriter
from services.jobs.opening import open_log
from services.journal.read import newest_entries
from services.settings import Settings
from tests.ledger.anvil import running_anvil
from tests.world import stock

BODY = b'{"kind":"receive_donation","facts":"ten million masks that never were"}'


class Log:
    """One anchored entry with its receipt, and the command as somebody there would run it."""

    def __init__(
        self, database: Database, settings: Settings, patch: pytest.MonkeyPatch, folder: Path
    ) -> None:
        self._patch, self._file = patch, folder / "receipt.json"
        self.use(settings)
        grow(settings, database)
        with database.transaction() as session:
            [(entry, _)] = newest_entries(session, 1, 0)
            self.receipt = receipt_of(session, entry.id)
            known = find_contract(session)
            assert known is not None
            self.contract, self.vkey = known.address, known.verifier_key

    def use(self, settings: Settings) -> None:
        self._patch.setattr(verify_command, "get_settings", lambda: settings)

    def verify(self, receipt: Receipt, *arguments: str) -> tuple[int, str]:
        self._file.write_text(receipt.to_json())
        result = CliRunner().invoke(cli.app, ["verify", str(self._file), *arguments])
        return result.exit_code, " ".join(result.output.split())


def grow(settings: Settings, database: Database, key: str = "goods") -> None:
    with database.transaction() as session:
        stock(session, key=key)
    with closing(LogWriter(settings, database)) as writer:
        writer.run_once()


@pytest.fixture
def log(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    return Log(database, Settings(data_dir=tmp_path / "data"), monkeypatch, tmp_path)


def self_made(chain: ChainEvidence | None = None) -> Receipt:
    return Receipt(
        entry=BODY,
        leaf_index=0,
        tree_size=1,
        inclusion_path=(),
        root=leaf_hash(BODY),
        checkpoint="x\n1\ny\n",
        chain=chain,
    )


def test_a_receipt_that_was_held_against_nothing_is_not_called_valid(log: Log) -> None:
    for receipt in (self_made(), log.receipt):
        code, told = log.verify(receipt, "--offline")
        assert (code, "VALID" in told) == (4, False)
        assert "CONSISTENT ONLY — held against nothing else" in told


def test_the_logs_key_is_enough_offline(log: Log) -> None:
    assert log.verify(log.receipt, "--offline", "--vkey", log.vkey)[0] == 0
    code, told = log.verify(self_made(), "--offline", "--vkey", log.vkey)
    assert code == 1
    assert "NOT VALID" in told


@pytest.mark.parametrize("option", ["--vkey", "--contract", "--growth"])
def test_an_empty_wish_is_no_wish_to_check_less(log: Log, option: str) -> None:
    code, told = log.verify(log.receipt, option, "")
    assert (code, f"{option} is empty" in told) == (2, True)


@pytest.mark.parametrize("contract", ["x", "0x12", "0x" + "1" * 41, "1" * 40, "0x" + "g" * 40])
@pytest.mark.parametrize("more", [(), ("--offline",)])
def test_a_contract_that_is_no_address_is_told_before_anything_is_asked(
    log: Log, contract: str, more: tuple[str, ...]
) -> None:
    code, told = log.verify(log.receipt, "--contract", contract, "--vkey", log.vkey, *more)
    assert (code, told) == (
        2,
        f"--contract {contract} is no address: 0x and 40 hex digits. Nothing was checked.",
    )


def test_a_change_of_the_logs_key_is_followed(log: Log, database: Database, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    rotate_log_key(settings, database)
    grow(settings, database, "after")
    with database.transaction() as session:
        [(entry, _)] = newest_entries(session, 1, 0)
        newest, [change] = receipt_of(session, entry.id), log_keys(session)
    (tmp_path / "change").write_text(change.note)
    (tmp_path / "crlf").write_bytes(change.note.replace("\n", "\r\n").encode())
    key = ("--offline", "--vkey", log.vkey)
    code, told = log.verify(newest, *key)
    assert (code, "NOT VALID checkpoint: " in told, "--key-change" in told) == (1, True, True)
    for receipt in (newest, log.receipt):
        code, told = log.verify(receipt, *key, "--key-change", str(tmp_path / "change"))
        assert (code, f"At {change.since_size} leaves" in told) == (0, True), told
    for name, words in (("change", "key change 2: it is by a key that has"), ("crlf", "line ends")):
        twice = ("--key-change", str(tmp_path / "change"), "--key-change", str(tmp_path / name))
        code, told = log.verify(newest, *key, *twice)
        assert (code, words in told) == (1, True), told
    code, told = log.verify(newest, "--offline", "--key-change", str(tmp_path / "change"))
    assert (code, "--key-change needs --vkey" in told) == (2, True)


def test_what_goes_wrong_is_told_without_a_librarys_words(log: Log, tmp_path: Path) -> None:
    assert log.receipt.checkpoint is not None
    for name, content in (
        ("crlf", log.receipt.checkpoint.replace("\n", "\r\n").encode()),
        ("zip", b"\x1f\x8bjunk"),
    ):
        (tmp_path / name).write_bytes(content)
    away = ("--checkpoint", str(tmp_path / "crlf"))
    noise = ("--vkey", log.vkey, "--dump", str(tmp_path / "zip"))
    outputs = [log.verify(log.receipt, "--offline", *options) for options in (away, noise)]
    log.use(Settings(data_dir=tmp_path, chain_url="http://127.0.0.1:1"))
    outputs.append(log.verify(log.receipt, "--contract", log.contract))
    assert [code for code, _ in outputs] == [1, 3, 3]
    for (_, told), words in zip(
        outputs, ("its line ends were changed", "is cut off", "Connection refused"), strict=True
    ):
        assert words in told
        assert not re.search(r"Errno|urlopen|<|Error|line 1 column|codec", told), told


@pytest.mark.parametrize("option", ["--vkey", "--contract", "--growth", "--checkpoint", "--dump"])
def test_of_an_option_given_twice_neither_goes_unchecked(
    log: Log, tmp_path: Path, option: str
) -> None:
    (tmp_path / "kept").write_text("x")
    twice = (option, str(tmp_path / "kept")) * 2
    code, told = log.verify(log.receipt, *twice, "--offline")
    assert (code, told) == (2, f"{option} stands twice. Nothing was checked.")


def test_who_has_no_chain_is_told_where_to_ask(log: Log, tmp_path: Path) -> None:
    log.use(Settings(data_dir=tmp_path / "nowhere"))
    code, told = log.verify(log.receipt, "--vkey", log.vkey)
    assert (code, "MEDRELAY_CHAIN_URL" in told) == (3, True)


def test_the_embedded_chain_is_what_is_asked(log: Log) -> None:
    code, told = log.verify(log.receipt)
    assert code == 0
    assert f"Contract {log.contract}" in told
    assert log.verify(log.receipt, "--contract", log.contract.lower(), "--vkey", log.vkey)[0] == 0
    code, told = log.verify(log.receipt, "--contract", "0x" + "1" * 40)
    assert code == 1
    assert f"has contract {log.contract}" in told


def test_a_kept_checkpoint_is_enough_offline(log: Log, tmp_path: Path) -> None:
    kept = tmp_path / "checkpoint.txt"
    assert log.receipt.checkpoint is not None
    kept.write_text(log.receipt.checkpoint)
    code, told = log.verify(log.receipt, "--offline", "--checkpoint", str(kept))
    assert (code, "The checkpoint that you kept" in told) == (0, True)
    code, told = log.verify(self_made(), "--offline", "--checkpoint", str(kept))
    assert (code, "NOT VALID" in told) == (1, True)


def dump_of(database: Database, folder: Path) -> Path:
    with database.transaction() as session:
        leaves = sorted((index, entry.body) for entry, index in newest_entries(session, 1000, 0))
    lines = [json.dumps({"index": index, "record": body.decode()}) for index, body in leaves]
    path = folder / "dump.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def test_a_whole_dump_is_added_up(log: Log, database: Database, tmp_path: Path) -> None:
    dump = dump_of(database, tmp_path)
    code, told = log.verify(log.receipt, "--dump", str(dump), "--vkey", log.vkey)
    assert code == 0
    assert "totals add up" in told
    assert re.search(r"gloves (\d+) \1 0 0 0 0 ", told)
    result = CliRunner().invoke(cli.app, ["verify", "--dump", str(dump)])
    assert (result.exit_code, "VALID" in result.output) == (0, True), result.output


def test_a_dump_that_leaves_a_record_out_is_told(
    log: Log, database: Database, tmp_path: Path
) -> None:
    with database.transaction() as session:
        [(entry, _)] = newest_entries(session, 1, 0)
    forged = tmp_path / "forged"
    forged.write_text(json.dumps({"index": 0, "record": entry.body.decode() + " "}))
    code, told = log.verify(log.receipt, "--dump", str(forged), "--vkey", log.vkey)
    assert (code, "NOT VALID dump" in told) == (1, True)


def test_nothing_asked_and_nothing_readable_are_no_verdict(log: Log, tmp_path: Path) -> None:
    for arguments, expected in (
        (["verify"], 2),
        (["verify", "--checkpoint", str(tmp_path / "nothing"), "--offline"], 2),
    ):
        assert CliRunner().invoke(cli.app, arguments).exit_code == expected
    noise = tmp_path / "noise"
    noise.write_bytes(b"\xff")
    code, told = log.verify(log.receipt, "--checkpoint", str(noise))
    assert (code, "isn't text in UTF-8" in told) == (3, True)


@pytest.fixture(scope="module")
def node() -> Iterator[str]:
    fees = ("--base-fee=0", "--gas-price=0", "--disable-min-priority-fee")
    with running_anvil("--chain-id=20200", *fees) as url:
        yield url


@pytest.mark.anvil
def test_a_contract_that_only_the_receipt_names_is_not_asked(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, node: str
) -> None:
    settings = Settings(data_dir=tmp_path / "data", chain_url=node)
    with database.engine.begin() as connection:
        # As before the small world's own chain was opened: this log is on the node's.
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sa.text("DELETE FROM log_contract"))
    open_log(settings, database, print)
    log = Log(database, settings, monkeypatch, tmp_path)
    other = JsonRpcChain(node, secret=secrets.token_bytes(32))
    put = other.append(0, [leaf_hash(BODY)])
    forged = self_made(
        ChainEvidence(other.chain_id, other.address, put.block_number, put.block_hash, put.tx_hash)
    )
    other.close()
    for receipt in (forged, log.receipt):
        code, told = log.verify(receipt)
        assert code == 2
        assert "--contract ADDRESS or --vkey KEY" in told
    for root in (("--contract", log.contract), ("--vkey", log.vkey)):
        assert log.verify(forged, *root)[0] == 1
        assert log.verify(log.receipt, *root)[0] == 0
    log.use(settings.model_copy(update={"chain_contract": log.contract}))
    assert log.verify(log.receipt)[0] == 0
    assert log.verify(forged)[0] == 1
