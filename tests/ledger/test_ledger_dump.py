"""A dump of every record: its root recomputed, its totals added up, and every tampering told."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import checkpoint, merkle, verify
from ledger.canonical import canonicalize
from ledger.checkpoint import Checkpoint, VerifierKey
from ledger.proof import Receipt
from ledger.verify import Level, Trust, Verdict, VerificationFailed, verify_dump
from tests.ledger.memory_chain import MemoryChain

ORIGIN = "relief.example/log"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
VKEY = VerifierKey("relief.example", KEY.public_key()).encode()
LOG = {"origin": ORIGIN, "chain_id": "77", "contract": MemoryChain.address}

Record = dict[str, Any]


def move(lot: str, source: str, target: str, quantity: object, commodity: str = "mask") -> Record:
    return {
        "lot": lot,
        "commodity": commodity,
        "source": source,
        "target": target,
        "quantity": str(quantity),
    }


def record(entry: str, *moves: Record, lots: tuple[Record, ...] = (), **more: Any) -> Record:
    return {"id": entry, "log": LOG, "lots": lots, "moves": moves, "reverses": None, **more}


def lot(name: str, commodity: str = "mask") -> Record:
    return {"id": name, "commodity": commodity}


SHELF, ROAD = "site:W1/available", "shipment:9/in_transit/need:45"
BOUGHT = (
    move("G1", "fund:cny/available", "supplier:S1/traded", 400, "CNY"),
    move("L2", "supplier:S1/traded", SHELF, 50),
)
RECORDS = [
    record("e0", move("L1", "donor:D1/given", SHELF, 1000), lots=(lot("L1"),)),
    record(
        "e1",
        move("G1", "donor:D1/given", "fund:cny/available", 900, "CNY"),
        lots=(lot("G1", "CNY"),),
    ),
    record("e2", *BOUGHT, lots=(lot("L2"),)),
    record("e3", move("L1", SHELF, "site:W1/reserved/need:45", 600)),
    record("e4", move("L1", "site:W1/reserved/need:45", ROAD, 600)),
    record(
        "e5", move("L1", ROAD, "site:H1/received", 450), move("L1", ROAD, "shipment:9/lost", 50)
    ),
    record("e6"),
    record("e7", move("L2", SHELF, "site:W1/adjusted", 5)),
    record("e8", move("L2", "site:W1/adjusted", SHELF, 5), reverses="e7"),
    record("e9", move("L1", "site:W1/adjusted", SHELF, 7)),
]


def texts(records: list[Record]) -> list[bytes]:
    return [canonicalize(json.loads(json.dumps(one))) for one in records]


def lines(records: list[bytes]) -> list[bytes]:
    return [
        json.dumps({"index": index, "record": text.decode()}).encode() + b"\n"
        for index, text in enumerate(records)
    ]


TEXTS = texts(RECORDS)
HASHES = [merkle.leaf_hash(text) for text in TEXTS]


def kept(size: int, records: list[bytes] = TEXTS) -> str:
    root = merkle.root([merkle.leaf_hash(text) for text in records[:size]])
    return checkpoint.sign(Checkpoint(ORIGIN, size, root), "relief.example", KEY)


def against(records: list[Record], **trust: Any) -> Verdict:
    """Such a dump, of a log whose operator signed and anchored just that."""
    written = texts(records)
    whole: Any = {"vkey": VKEY, "kept": kept(len(written), written)}
    return verify_dump(lines(written), trust=Trust(**{**whole, **trust}))


def test_the_totals_say_where_everything_is() -> None:
    verdict = against(RECORDS)
    assert (verdict.level, verdict.tree_size) == (Level.DUMP, len(RECORDS))
    assert verdict.root == merkle.root(HASHES)
    assert verdict.totals == {
        "CNY": dict(zip(verify.COLUMNS, (900, 500, 0, 400, 0, 0), strict=True)),
        "mask": dict(zip(verify.COLUMNS, (1050, 457, 100, 450, 50, -7), strict=True)),
    }
    assert all(
        row["came in"] == sum(row.values()) - row["came in"] for row in verdict.totals.values()
    )
    assert "totals add up" in verdict.summary


def test_a_chain_vouches_for_the_whole_dump() -> None:
    chain = MemoryChain()
    chain.append(0, HASHES)
    verdict = verify_dump(lines(TEXTS), trust=Trust(chain=chain))
    assert verdict.reached == {Level.CHAIN, Level.DUMP}
    with pytest.raises(VerificationFailed, match="never had 9 leaves"):
        verify_dump(lines(TEXTS[:9]), trust=Trust(chain=chain))
    chain.roots[10] = bytes(32)
    with pytest.raises(VerificationFailed, match="root at 10 leaves is another"):
        verify_dump(lines(TEXTS), trust=Trust(chain=chain))


def test_a_dump_that_was_cut_at_an_older_batch_says_how_much_it_lacks() -> None:
    chain = MemoryChain()
    chain.append(0, HASHES[:4])
    chain.append(4, HASHES[4:])
    whole = verify_dump(lines(TEXTS), trust=Trust(chain=chain))
    assert not any("newer" in line for line in whole.checked)
    cut = verify_dump(lines(TEXTS[:4]), trust=Trust(chain=chain))
    assert f"It has {len(TEXTS) - 4} newer ones, which this dump doesn't count." in cut.checked


@pytest.mark.parametrize("size", range(1, 10))
def test_what_is_newer_than_the_kept_checkpoint_is_not_counted(size: int) -> None:
    verdict = against(RECORDS, kept=kept(size))
    alone = against(RECORDS[:size])
    assert (verdict.tree_size, verdict.root) == (size, merkle.root(HASHES[:size]))
    assert verdict.totals == alone.totals
    assert f"{10 - size} newer records are held against nothing." in verdict.checked


def test_a_checkpoint_of_an_empty_log_vouches_for_no_record() -> None:
    verdict = verify_dump(lines(TEXTS), trust=Trust(kept=kept(0)))
    assert (verdict.level, verdict.totals) == (Level.CONSISTENT, {})


def test_a_dump_alone_is_held_against_nothing() -> None:
    verdict = verify_dump(lines(TEXTS), trust=Trust())
    assert (verdict.level, verdict.reached) == (Level.CONSISTENT, frozenset())
    assert verdict.totals["mask"]["came in"] == 1050


def receipt(index: int, size: int) -> Receipt:
    path = merkle.inclusion_proof(HASHES, index, size)
    return Receipt(TEXTS[index], index, size, path, merkle.root(HASHES[:size]), kept(size))


@pytest.mark.parametrize(("index", "size", "held"), [(2, 7, 9), (2, 9, 7), (8, 9, 7), (3, 5, 5)])
def test_the_dump_itself_is_the_proof_of_growth(index: int, size: int, held: int) -> None:
    trust = Trust(kept=kept(held))
    verdict = verify_dump(lines(TEXTS), trust=trust, receipt=receipt(index, size))
    assert (Level.DUMP in verdict.reached) == (index < held)
    with_key = verify_dump(
        lines(TEXTS), trust=Trust(vkey=VKEY), receipt=receipt(index, size)
    )  # fmt: skip
    assert with_key.reached == {Level.CHECKPOINT, Level.DUMP}
    assert with_key.tree_size == size


def test_records_put_behind_the_kept_checkpoint_are_not_counted_for_a_receipt_of_them() -> None:
    """A proof of growth shows that nothing was changed, and not who appended what came after."""
    proof = merkle.inclusion_proof(HASHES, 2, 10)
    given = Receipt(TEXTS[2], 2, 10, proof, merkle.root(HASHES), None)
    trust = Trust(kept=kept(5), growth=lambda *sizes: merkle.consistency_proof(HASHES, *sizes))
    verdict = verify_dump(lines(TEXTS), trust=trust, receipt=given)
    assert (verdict.level, verdict.tree_size) == (Level.DUMP, 5)
    assert verdict.totals == against(RECORDS[:5]).totals
    assert "5 newer records are held against nothing." in verdict.checked


def test_a_receipt_from_another_log_than_the_dumps_is_told() -> None:
    other = texts([{**RECORDS[0], "actor": "somebody else"}, *RECORDS[1:]])
    with pytest.raises(VerificationFailed, match="another root"):
        verify_dump(lines(other), trust=Trust(vkey=VKEY), receipt=receipt(2, 7))


@pytest.mark.parametrize("at", range(10))
def test_no_withheld_changed_or_moved_record_passes(at: int) -> None:
    without = TEXTS[:at] + TEXTS[at + 1 :]
    changed = [*TEXTS]
    changed[at] = texts([{**RECORDS[at], "actor": "somebody else"}])[0]
    moved = [*without[: (at + 4) % 10], TEXTS[at], *without[(at + 4) % 10 :]]
    for forged in (without, changed, moved):
        with pytest.raises(VerificationFailed):
            verify_dump(lines(forged), trust=Trust(kept=kept(10)))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "isn't JSON"),
        (b"\xff", "isn't JSON"),
        (b"[" * 100_000, "isn't JSON"),
        (b"[]", "hasn't index and record"),
        (b"{}", "hasn't index and record"),
        (b'{"index":0,"index":0,"record":"{}"}', "isn't JSON"),
        (b'{"index":0,"record":"{}","more":1}', "hasn't index and record"),
        (b'{"index":1,"record":"{}"}', "isn't record 0"),
        (b'{"index":false,"record":"{}"}', "isn't record 0"),
        (b'{"index":"0","record":"{}"}', "isn't record 0"),
        (b'{"index":0,"record":{}}', "record isn't text"),
        (b'{"index":0,"record":"\\ud800"}', "lone surrogate"),
        (b'{"index":0,"record":"[]"}', "not a JSON object"),
        (b'{"index":0,"record":"{}"}', "doesn't name its log by"),
    ],
)
def test_a_line_that_is_none_is_refused(line: bytes, why: str) -> None:
    with pytest.raises(VerificationFailed, match=why):
        verify_dump([line], trust=Trust())


def with_last(*moves: Record, **more: Any) -> list[Record]:
    return [*RECORDS, record("last", *moves, **more)]


HUGE = 10**19


@pytest.mark.parametrize(
    ("records", "why"),
    [
        (with_last(move("L1", SHELF, ROAD, 10**6)), "more of lot L1 than it had"),
        (with_last(move("L2", "site:W2/available", SHELF, 1)), "more of lot L2 than it had"),
        (with_last(move("L1", "site:H1/received", "site:H1/consumed", 451)), "than it had"),
        (with_last(move("L9", SHELF, ROAD, 1)), "lot L9 is unknown"),
        (with_last({**move("L9", SHELF, ROAD, 1), "commodity": None}), "lot L9 is unknown"),
        (with_last(move("L1", SHELF, ROAD, 1, "gloves")), "of another commodity"),
        (with_last(move("L1", SHELF, ROAD, 0)), "is no move"),
        (with_last(move("L1", SHELF, ROAD, -1)), "is no move"),
        (with_last(move("L1", SHELF, ROAD, "01")), "is no move"),
        (with_last(move("L1", SHELF, ROAD, "1.5")), "is no move"),
        (with_last(move("L1", SHELF, ROAD, "١")), "is no move"),
        (with_last(move("L1", SHELF, ROAD, HUGE)), "is no move"),
        (with_last({**move("L1", SHELF, ROAD, 1), "quantity": 1}), "quantity isn't text"),
        (with_last(move("L1", SHELF, SHELF, 1)), "is no move"),
        (with_last(move("L1", SHELF, "site:W1/stolen", 1)), "can be no account"),
        (with_last(move("L1", SHELF, "nowhere", 1)), "can be no account"),
        (with_last(lots=(lot("L1"),)), "lot L1 is opened twice"),
        (with_last(lots=({"id": "L9"},)), "commodity isn't text"),
        (with_last(lots=("L9",)), "a lot isn't an object"),
        (with_last("L1"), "a move isn't an object"),  # type: ignore[arg-type]
        ([*RECORDS, RECORDS[6]], "entry e6 stands in the log twice"),
        (with_last(reverses="nothing"), "isn't in the log before it"),
        (with_last(reverses="last"), "isn't in the log before it"),
        (with_last(reverses=["e3"]), "isn't in the log before it"),
        (with_last(move("L2", "site:W1/adjusted", SHELF, 5), reverses="e7"), "reversed twice"),
        (with_last(move("L1", SHELF, "donor:D1/given", 1), reverses="e0"), "aren't the opposite"),
        ([*RECORDS, {**record("z"), "lots": None}], "lots isn't a list"),
        ([*RECORDS, {**record("z"), "moves": {}}], "moves isn't a list"),
        ([*RECORDS, {**record("z"), "id": 7}], "id isn't text"),
        ([*RECORDS, {**record("z"), "log": {**LOG, "origin": "other"}}], "replayed from another"),
        ([*RECORDS, {**record("z"), "log": {"origin": ORIGIN}}], "doesn't name its log by"),
    ],
)
def test_books_that_cannot_be_are_told_whoever_signed_them(records: list[Record], why: str) -> None:
    with pytest.raises(VerificationFailed, match=why):
        against(records)


def test_records_of_another_chain_than_the_one_asked_are_told() -> None:
    records = [*RECORDS, {**record("z"), "log": {**LOG, "chain_id": "1"}}]
    chain = MemoryChain()
    chain.append(0, [merkle.leaf_hash(text) for text in texts(records)])
    with pytest.raises(VerificationFailed, match="replayed from another log"):
        verify_dump(lines(texts(records)), trust=Trust(chain=chain))


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The file as a stranger runs it, over files of the log above."""
    (tmp_path / "dump").write_bytes(gzip.compress(b"".join(lines(TEXTS))))
    (tmp_path / "plain").write_bytes(b"".join(lines(TEXTS)))
    (tmp_path / "kept").write_text(kept(10))
    (tmp_path / "old").write_text(kept(4))
    (tmp_path / "receipt").write_text(receipt(2, 7).to_json())
    (tmp_path / "broken").write_bytes(gzip.compress(b"".join(lines(TEXTS)))[:-30])
    (tmp_path / "noise").write_bytes(b"\xff\xfe")
    path = [node.hex() for node in merkle.consistency_proof(HASHES, 4, 7)]
    (tmp_path / "growth").write_text(json.dumps({"path": path}))

    def run_in_folder(*arguments: str) -> tuple[int, str]:
        known = {entry.name for entry in tmp_path.iterdir()}
        code = verify.main([str(tmp_path / one) if one in known else one for one in arguments])
        return code, capsys.readouterr().out

    return run_in_folder


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["receipt", "--vkey", VKEY], 0, "VALID  It holds against a checkpoint"),
        (["receipt", "--checkpoint", "old", "--growth", "growth"], 0, "of 4 grew into that of 7"),
        (["--dump", "dump", "--vkey", VKEY, "--checkpoint", "kept"], 0, "1050"),
        (["--dump", "plain", "--checkpoint", "kept"], 0, "totals add up"),
        (["receipt", "--dump", "dump", "--checkpoint", "old"], 0, "6 newer records"),
        (["receipt"], 4, "CONSISTENT ONLY"),
        (["--dump", "dump"], 4, "CONSISTENT ONLY"),
        (["receipt", "--checkpoint", "old"], 4, "✗ NOT held against the checkpoint"),
        (["receipt", "--vkey", VKEY, "--checkpoint", "old"], 2, "NOT ALL CHECKED"),
        ([], 2, "Give a receipt, or --dump"),
        (["receipt", "--rpc", "http://127.0.0.1:1"], 2, "--rpc and --contract"),
        (["receipt", "--contract", "0x" + "12" * 20], 2, "--rpc and --contract"),
        (["receipt", "--rpc", "ftp://x", "--contract", "0x" + "12" * 20], 3, "http://"),
        (["receipt", "--rpc", "file:///etc/x", "--contract", "0x" + "12" * 20], 3, "http://"),
        (["receipt", "--rpc", "http://127.0.0.1:1", "--contract", "0x12"], 2, "is no address"),
        (["nothing"], 3, "can't be read"),
        (["--dump", "nothing"], 3, "can't be read"),
        (["--dump", "broken"], 3, "can't be read to its end"),
        (["receipt", "--checkpoint", "noise"], 3, "isn't text in UTF-8"),
        (["receipt", "--checkpoint", "old", "--growth", "kept"], 1, "growth"),
        (["kept", "--vkey", VKEY], 1, "NOT VALID  format"),
        (["noise"], 1, "NOT VALID  format"),
        (["--dump", "noise"], 1, "line 1 isn't JSON"),
        (["--dump", "dump", "--vkey", "nonsense", "--checkpoint", "kept"], 1, "vkey"),
    ],
)
def test_the_one_file_ends_as_it_says(run: Run, arguments: list[str], code: int, told: str) -> None:
    found, output = run(*arguments)
    assert (found, told in output) == (code, True), output
