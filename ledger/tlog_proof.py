"""Proofs of inclusion as text: C2SP tlog-proof, version 1.

A proof is an index, a path and a signed checkpoint in one short file, which any verifier of
transparency logs can read. What the chain knows of the tree rides in the `extra` line. That line
isn't authenticated, so it tells a reader where to look, and never what to believe.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import asdict, dataclass

from ledger import checkpoint, merkle
from ledger.canonical import canonicalize
from ledger.checkpoint import Checkpoint, VerifierKey
from ledger.proof import ChainEvidence

HEADER = "c2sp.org/tlog-proof@v1"
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
# A tree of 2**63 leaves is as high as any checkpoint can be.
_MAX_PATH = 63


class ProofTextRefused(ValueError):
    """A text that is no C2SP tlog-proof, or a proof that no tree of its checkpoint's size has."""


@dataclass(frozen=True)
class TlogProof:
    """That a leaf stands at `index` of the tree that `note`, a signed checkpoint, tells of.

    `path` are hashes of 32 bytes, from the leaf's sibling up to the root's child. `extra` is bytes
    with a meaning of the application's own, None where there are none.
    """

    index: int
    path: tuple[bytes, ...]
    note: str
    extra: bytes | None = None

    def encode(self) -> str:
        """The proof as text.

        Raises:
            ProofTextRefused: the fields make no proof that `decode` would take.

        """
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {_to_base64(self.extra)}")
        lines.append(f"index {self.index}")
        lines += [_to_base64(node) for node in self.path]
        text = "\n".join(lines) + "\n\n" + self.note
        if decode(text) != self:
            raise ProofTextRefused("the fields don't read back as themselves")
        return text

    def verify(self, record: bytes, verifier: VerifierKey) -> Checkpoint:
        """The checkpoint, once it is signed by this key and these bytes are its leaf `index`.

        Raises:
            NoteRefused: the checkpoint isn't signed by the key.
            merkle.ProofRefused: the bytes aren't that leaf of that tree.

        """
        head = checkpoint.verify(self.note, verifier)
        leaf = merkle.leaf_hash(record)
        merkle.verify_inclusion(leaf, self.index, head.size, self.path, head.root)
        return head


def decode(text: str) -> TlogProof:
    """Read a proof; whether it is true is for `TlogProof.verify` to say.

    Raises:
        ProofTextRefused: malformed, not in its one canonical form, or an index or a path that the
            tree of the checkpoint can't have; the message names the line.

    """
    head, separator, note = text.partition("\n\n")
    if not separator:
        raise ProofTextRefused("no empty line between the path and the checkpoint")
    lines = head.split("\n")
    if lines.pop(0) != HEADER:
        raise ProofTextRefused(f"the first line isn't {HEADER}")
    extra = _labelled(lines, "extra")
    index = _labelled(lines, "index")
    if index is None or not _DECIMAL.fullmatch(index):
        raise ProofTextRefused("the line after the head isn't `index` and a plain decimal number")
    if len(lines) > _MAX_PATH:
        raise ProofTextRefused(f"a path has {_MAX_PATH} hashes at most, not {len(lines)}")
    proof = TlogProof(
        int(index),
        tuple(_hash(line) for line in lines),
        note,
        None if extra is None else _from_base64(extra, "extra"),
    )
    _demand_possible(proof)
    return proof


def evidence_bytes(evidence: ChainEvidence) -> bytes:
    """Where on which chain the tree stands, as canonical JSON for the `extra` line."""
    fields = asdict(evidence)
    # An id of a chain may be beyond what a JSON number holds everywhere.
    fields |= {"chain_id": str(evidence.chain_id), "block_number": str(evidence.block_number)}
    fields |= {"block_hash": evidence.block_hash.hex(), "tx_hash": evidence.tx_hash.hex()}
    return canonicalize({"chain": fields})


def read_evidence(extra: bytes) -> ChainEvidence:
    """The chain's evidence from an `extra` line; nobody has signed it.

    Raises:
        ProofTextRefused: it isn't exactly what `evidence_bytes` makes.

    """
    try:
        fields = json.loads(extra)["chain"]
        evidence = ChainEvidence(
            chain_id=int(fields["chain_id"]),
            contract=fields["contract"],
            block_number=int(fields["block_number"]),
            block_hash=bytes.fromhex(fields["block_hash"]),
            tx_hash=bytes.fromhex(fields["tx_hash"]),
        )
        same = evidence_bytes(evidence) == extra
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ProofTextRefused("extra: not the evidence of a chain") from error
    if not same or {len(evidence.block_hash), len(evidence.tx_hash)} != {merkle.HASH_SIZE}:
        raise ProofTextRefused("extra: not the evidence of a chain in its one form")
    return evidence


def _labelled(lines: list[str], label: str) -> str | None:
    """Take what follows a label off the front of the lines, if the next line has that label."""
    if not lines or not lines[0].startswith(f"{label} "):
        return None
    return lines.pop(0).removeprefix(f"{label} ")


def _demand_possible(proof: TlogProof) -> None:
    try:
        size = checkpoint.parse(proof.note).size
    except checkpoint.NoteRefused as error:
        raise ProofTextRefused(f"the checkpoint: {error}") from error
    if proof.index >= size:
        raise ProofTextRefused(f"a tree of {size} has no leaf {proof.index}")
    length = _path_length(proof.index, size)
    if len(proof.path) != length:
        raise ProofTextRefused(
            f"leaf {proof.index} of {size} has a path of {length} hashes, not {len(proof.path)}"
        )


def _path_length(index: int, size: int) -> int:
    """Siblings on the way up: one for each level inside, one for each left subtree beyond it."""
    inner = (index ^ (size - 1)).bit_length()
    return inner + (index >> inner).bit_count()


def _hash(line: str) -> bytes:
    node = _from_base64(line, "the path")
    if len(node) != merkle.HASH_SIZE:
        raise ProofTextRefused(f"the path: a hash has {merkle.HASH_SIZE} bytes, not {len(node)}")
    return node


def _to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _from_base64(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise ProofTextRefused(f"{what}: not base64") from error
    if not data or _to_base64(data) != text:
        raise ProofTextRefused(f"{what}: not base64 in its one canonical form")
    return data
