"""The worked example of docs/log-spec.md, made by the code that the log itself runs on.

`python -m tests.ledger.spec_example` prints each part as it has to stand in the document.
"""

import json
import sys
from datetime import UTC, datetime
from functools import cache
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import checkpoint, log_abi, merkle, tiles
from ledger.checkpoint import Checkpoint, VerifierKey, WitnessKey
from ledger.disclosure import Concealed, conceal
from ledger.proof import ChainEvidence, Receipt
from ledger.tlog_proof import TlogProof, evidence_bytes
from ledger.verify import Trust, table, verify_dump
from services.jobs.keys import last_word
from services.journal.kinds import AccountRef, EntryKind
from services.journal.log import Log
from services.journal.record import Draft, NewLot, NewMove, content, record_bytes

ORIGIN = "log.example/relief"
LOG = Log(ORIGIN, 31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
NEXT_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))
WITNESS_NAME = "witness.example/w1"
NOON = datetime(2020, 2, 3, 12, tzinfo=UTC)
LOT = UUID(int=0xA)
SHELF, ROAD = AccountRef("site:W1", "available"), AccountRef("shipment:9", "in_transit")


@cache
def concealed() -> Concealed:
    return conceal(bytes(range(32)), {"phone": "+86 27 5555 0101"})


def _record(number: int, kind: EntryKind, *moves: NewMove, opens: bool = False) -> bytes:
    draft = Draft(
        id=UUID(int=number),
        kind=kind,
        occurred_at=NOON,
        actor="organisation:RELIEF",
        lots=[NewLot(LOT, "n95_respirator", "donation:D1/line:1")] if opens else (),
        moves=moves,
    )
    digests = concealed().digests if opens else ()
    body = content(draft, {LOT: "n95_respirator"})
    return record_bytes(body, log=LOG, recorded_at=NOON, concealed_digests=digests)


@cache
def records() -> list[bytes]:
    """A gift of 1,000 comes in; 600 are sent; 590 arrive, and 10 are lost on the way."""
    given, hospital = AccountRef("donor:D1", "given"), AccountRef("site:H1", "received")
    arrived = NewMove(LOT, ROAD, hospital, 590)
    return [
        _record(1, EntryKind.RECEIVE_DONATION, NewMove(LOT, given, SHELF, 1000), opens=True),
        _record(2, EntryKind.DISPATCH, NewMove(LOT, SHELF, ROAD, 600)),
        _record(3, EntryKind.DISBURSE_GOODS, arrived),
        _record(4, EntryKind.LOSE, NewMove(LOT, ROAD, AccountRef("shipment:9", "lost"), 10)),
        _record(5, EntryKind.SNAPSHOT),
    ]


def examples() -> dict[str, str]:
    """Each worked part by its name, as the document shows it."""
    hashes = [merkle.leaf_hash(record) for record in records()]
    roots = [merkle.root(hashes[:size]) for size in range(len(hashes) + 1)]
    note = checkpoint.sign(Checkpoint(ORIGIN, 5, roots[5]), ORIGIN, KEY)
    line = checkpoint.cosign(note, WITNESS_NAME, WITNESS, 1580731200)
    evidence = ChainEvidence(31337, LOG.contract, 7, b"\x07" * 32, b"\x08" * 32)
    next_vkey = VerifierKey(ORIGIN, NEXT_KEY.public_key()).encode()
    word = checkpoint.sign_note(last_word(ORIGIN, 5, next_vkey), ORIGIN, KEY)
    path = merkle.inclusion_proof(hashes, 2, 5)
    proof = TlogProof(2, path, note, evidence_bytes(evidence))
    receipt = Receipt(records()[2], 2, 5, path, roots[5], note, evidence)
    [part] = tiles.growth(_NoTiles(), 0, hashes)
    dump = [_dump_line(index, record) for index, record in enumerate(records())]
    verdict = verify_dump([each.encode() for each in dump], trust=Trust(kept=note))
    return {
        "records": _lines(record.decode() for record in records()),
        "leaf-hashes": _lines(each.hex() for each in hashes),
        "roots": _lines(f"{size} {root.hex()}" for size, root in enumerate(roots)),
        "inner-node": merkle.node_hash(hashes[0], hashes[1]).hex() + "\n",
        "inclusion": _lines(each.hex() for each in path),
        "consistency": _lines(each.hex() for each in merkle.consistency_proof(hashes, 3, 5)),
        "vkey": VerifierKey(ORIGIN, KEY.public_key()).encode() + "\n",
        "checkpoint": note,
        "next-vkey": next_vkey + "\n",
        "last-word": word,
        "next-checkpoint": checkpoint.sign(_grown(hashes), ORIGIN, NEXT_KEY),
        "witness-vkey": WitnessKey(WITNESS_NAME, WITNESS.public_key()).encode() + "\n",
        "cosignature": line + "\n",
        "tile": _wrapped(part.hashes.hex()),
        "bundle": _lines(f"{len(record).to_bytes(2, 'big').hex()} …" for record in records()),
        "tlog-proof": proof.encode(),
        "receipt": receipt.to_json(),
        "dump": dump[1] + "\n",
        "totals": _lines(line.rstrip() for line in table(verdict.totals)),
        "disclosure": _lines(concealed().disclosures.values()),
        "root-at-call": log_abi.root_at_call(5).hex() + "\n",
        "root-slot": log_abi.root_slot(5).hex() + "\n",
    }


def _grown(hashes: list[bytes]) -> Checkpoint:
    """The log a leaf later: the first record's bytes stand for any sixth."""
    return Checkpoint(ORIGIN, 6, merkle.root([*hashes, hashes[0]]))


def _dump_line(index: int, record: bytes) -> str:
    document = {"index": index, "record": record.decode()}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


class _NoTiles:
    def tile(self, level: int, index: int, width: int) -> bytes:
        raise AssertionError((level, index, width))


def _lines(parts: object) -> str:
    return "".join(f"{part}\n" for part in parts)  # type: ignore[attr-defined]


def _wrapped(digits: str) -> str:
    return _lines(digits[at : at + 64] for at in range(0, len(digits), 64))


if __name__ == "__main__":
    for name, text in examples().items():
        sys.stdout.write(f"```text example={name}\n{text}```\n\n")
