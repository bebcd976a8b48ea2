"""Receipts: written, read and checked; and every forgery that we could think of refused."""

import json
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ledger import checkpoint, merkle
from ledger.anchor import append_missing
from ledger.canonical import JsonValue, canonicalize
from ledger.chain import Chain, ChainUnavailable
from ledger.checkpoint import Checkpoint, VerifierKey
from ledger.disclosure import conceal
from ledger.embedded import EmbeddedChain
from ledger.proof import ChainEvidence, Receipt, ReceiptMalformed
from ledger.verify import Level, VerificationFailed, verify_receipt
from tests.ledger.memory_chain import MemoryChain

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NAME = "relief.example"
VKEY = VerifierKey(NAME, KEY.public_key()).encode()
HIDDEN = conceal(bytes(32), {"donor_name": "王芳", "phone": "+86 27 5555 0101"})
ORIGIN = "relief.example/log"


def log_of(chain: Chain) -> dict[str, str]:
    return {"origin": ORIGIN, "chain_id": str(chain.chain_id), "contract": chain.address}


def entries_of(chain: Chain) -> list[bytes]:
    """Eleven records that name this chain's log; the sixth hides two fields."""
    log = log_of(chain)
    entries = [canonicalize({"kind": "donation", "log": log, "number": n}) for n in range(11)]
    donor: dict[str, JsonValue] = {"_sd": HIDDEN.digests}
    entries[6] = canonicalize({"kind": "donation", "donor": donor, "log": log})
    return entries


def anchored(chain: Chain, entries: list[bytes]) -> Receipt:
    """A full receipt of entry 6, in the tree of all eleven on this chain."""
    hashes = [merkle.leaf_hash(entry) for entry in entries]
    for batch in append_missing(chain, lambda start, end: hashes[start:end], 11, max_batch=4):
        if batch.first_index <= 6 < batch.size:
            home = batch
    root = chain.head().root
    return Receipt(
        entry=entries[6],
        leaf_index=6,
        tree_size=11,
        inclusion_path=merkle.inclusion_proof(hashes, 6, 11),
        root=root,
        checkpoint=checkpoint.sign(Checkpoint(ORIGIN, 11, root), NAME, KEY),
        chain=ChainEvidence(
            chain.chain_id, chain.address, home.block_number, home.block_hash, home.tx_hash
        ),
        disclosures=(HIDDEN.disclosures["phone"],),
    )


CHAIN = MemoryChain()
ENTRIES = entries_of(CHAIN)
HASHES = [merkle.leaf_hash(entry) for entry in ENTRIES]
RECEIPT = anchored(CHAIN, ENTRIES)


def test_a_receipt_from_a_real_chain_verifies_after_a_restart(tmp_path: Path) -> None:
    with closing(EmbeddedChain(tmp_path)) as chain:
        entries = entries_of(chain)
        text = anchored(chain, entries).to_json()
    with closing(EmbeddedChain(tmp_path, read_only=True)) as chain:
        verdict = verify_receipt(text, chain=chain, vkey=VKEY)
    assert verdict.level == Level.CHAIN
    assert (verdict.leaf_index, verdict.tree_size) == (6, 11)
    assert verdict.root == merkle.root([merkle.leaf_hash(entry) for entry in entries])
    assert "log contract" in verdict.summary


def test_the_levels_are_reached_one_by_one_and_said_in_words() -> None:
    alone = verify_receipt(RECEIPT)
    signed = verify_receipt(RECEIPT, vkey=VKEY)
    chained = verify_receipt(RECEIPT, chain=CHAIN)
    assert [alone.level, signed.level, chained.level] == [
        Level.CONSISTENT,
        Level.CHECKPOINT,
        Level.CHAIN,
    ]
    assert alone.checked == (
        "The entry's bytes are leaf 6 of the tree of 11 leaves.",
        "1 hidden fields of the entry are opened.",
    )
    assert "signed this size and root" in signed.checked[-2]
    assert signed.checked[-1] == "The record names this log as its own."
    assert "appended this leaf" in chained.checked[-2]
    assert len({verdict.summary for verdict in (alone, signed, chained)}) == 3


def test_a_receipt_reads_back_as_itself() -> None:
    bare = replace(RECEIPT, checkpoint=None, chain=None, disclosures=())
    for receipt in (RECEIPT, bare):
        assert Receipt.from_json(receipt.to_json()) == receipt
        assert Receipt.from_json(receipt.to_json().encode()) == receipt
        verify_receipt(receipt.to_json().encode())


@given(st.integers(0, 10), st.integers(1, 11))
def test_every_entry_of_every_tree_has_a_receipt(index: int, size: int) -> None:
    if index >= size:
        index = size - 1
    path = merkle.inclusion_proof(HASHES, index, size)
    receipt = Receipt(ENTRIES[index], index, size, path, merkle.root(HASHES[:size]))
    assert verify_receipt(receipt).leaf_index == index


def flipped(value: bytes, bit: int) -> bytes:
    return (int.from_bytes(value, "big") ^ (1 << bit)).to_bytes(len(value), "big")


@given(st.integers(0, 255), st.integers(0, len(RECEIPT.inclusion_path)))
def test_no_flipped_bit_of_path_or_root_passes(bit: int, which: int) -> None:
    hashes = [RECEIPT.root, *RECEIPT.inclusion_path]
    hashes[which] = flipped(hashes[which], bit)
    forged = replace(RECEIPT, root=hashes[0], inclusion_path=tuple(hashes[1:]))
    with pytest.raises(VerificationFailed) as caught:
        verify_receipt(forged, chain=CHAIN, vkey=VKEY)
    assert caught.value.check == "inclusion"


@given(st.integers(0, len(ENTRIES[6]) - 1), st.characters(codec="utf-8"))
def test_no_changed_character_of_the_entry_passes(at: int, character: str) -> None:
    text = ENTRIES[6].decode()
    forged = (text[:at] + character + text[at + 1 :]).encode()
    if forged == ENTRIES[6]:
        return
    with pytest.raises(VerificationFailed):
        verify_receipt(replace(RECEIPT, entry=forged))


@pytest.mark.parametrize("index", [0, 5, 7, 10, 11, 12, 2**62])
def test_no_other_index_passes(index: int) -> None:
    with pytest.raises(VerificationFailed, match="inclusion"):
        verify_receipt(replace(RECEIPT, leaf_index=index))


@pytest.mark.parametrize("size", [0, 6, 7, 8, 10, 12, 16, 17, 2**62])
def test_no_other_size_passes_against_checkpoint_or_chain(size: int) -> None:
    forged = replace(RECEIPT, tree_size=size)
    with pytest.raises(VerificationFailed):
        verify_receipt(forged, vkey=VKEY)
    with pytest.raises(VerificationFailed):
        verify_receipt(forged, chain=CHAIN)


@pytest.mark.parametrize("path", [(), RECEIPT.inclusion_path[:-1], RECEIPT.inclusion_path * 2])
def test_no_path_of_another_length_passes(path: tuple[bytes, ...]) -> None:
    with pytest.raises(VerificationFailed, match="inclusion"):
        verify_receipt(replace(RECEIPT, inclusion_path=path))


def test_an_inner_node_does_not_pass_for_an_entry() -> None:
    # Without the prefixes, the bytes of two sibling hashes would be an entry of a smaller tree.
    forged = Receipt(
        entry=b"{}",
        leaf_index=0,
        tree_size=1,
        inclusion_path=(),
        root=merkle.node_hash(HASHES[0], HASHES[1]),
    )
    with pytest.raises(VerificationFailed, match="inclusion"):
        verify_receipt(forged)


def test_a_forged_tree_that_agrees_with_itself_fails_against_anything_outside() -> None:
    entry = canonicalize({"kind": "donation", "number": 999_999})
    hashes = [*HASHES]
    hashes[6] = merkle.leaf_hash(entry)
    forged = replace(
        RECEIPT,
        entry=entry,
        inclusion_path=merkle.inclusion_proof(hashes, 6, 11),
        root=merkle.root(hashes),
        disclosures=(),
    )
    assert verify_receipt(forged).level == Level.CONSISTENT
    with pytest.raises(VerificationFailed, match="another size or root"):
        verify_receipt(forged, vkey=VKEY)
    with pytest.raises(VerificationFailed, match="root at 11 leaves is another one"):
        verify_receipt(forged, chain=CHAIN)


def evidence(**changes: Any) -> Receipt:
    assert RECEIPT.chain is not None
    return replace(RECEIPT, chain=replace(RECEIPT.chain, **changes))


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        (replace(RECEIPT, chain=None), "no evidence"),
        (evidence(chain_id=1), "from chain 1, this is chain 77"),
        (evidence(contract="0x" + "12" * 20), "from contract 0x12"),
        (evidence(contract=""), "from contract"),
        (evidence(block_number=1), "isn't the one"),
        (evidence(block_number=10**9), "isn't the one"),
        (evidence(block_hash=bytes(32)), "isn't the one"),
        (evidence(tx_hash=b"\x01" * 32), "appended no leaf 6"),
        (evidence(block_number=1, block_hash=CHAIN.block_hash(1)), "in another block"),
    ],
)
def test_evidence_of_another_chain_contract_or_block_fails(forged: Receipt, why: str) -> None:
    with pytest.raises(VerificationFailed, match=why) as caught:
        verify_receipt(forged, chain=CHAIN)
    assert caught.value.check == "chain"


def test_a_transaction_that_appended_another_leaf_fails() -> None:
    other = MemoryChain()
    hashes = [*HASHES]
    hashes[6] = merkle.leaf_hash(b"another record")
    for start, end in ((0, 4), (4, 8), (8, 11)):
        other.append(start, hashes[start:end])
    other.roots = CHAIN.roots
    with pytest.raises(VerificationFailed, match="appended another leaf 6"):
        verify_receipt(RECEIPT, chain=other)


def test_a_chain_that_was_rolled_back_fails_the_receipt() -> None:
    shorter = MemoryChain()
    shorter.append(0, HASHES[:4])
    shorter.append(4, HASHES[4:8])
    with pytest.raises(VerificationFailed, match="never had 11 leaves"):
        verify_receipt(RECEIPT, chain=shorter)


def test_a_chain_out_of_reach_is_no_verdict() -> None:
    class Away(MemoryChain):
        def block_hash(self, number: int) -> bytes | None:
            raise ChainUnavailable("away")

    with pytest.raises(ChainUnavailable):
        verify_receipt(RECEIPT, chain=Away())


def note(size: int, root: bytes, key: Ed25519PrivateKey = KEY) -> str:
    return checkpoint.sign(Checkpoint(ORIGIN, size, root), NAME, key)


@pytest.mark.parametrize(
    "forged",
    [
        None,
        "",
        "not a note",
        note(12, RECEIPT.root),
        note(11, HASHES[0]),
        note(11, RECEIPT.root, Ed25519PrivateKey.generate()),
        note(12, RECEIPT.root).replace("12", "11"),
        note(11, RECEIPT.root)[:-20],
        note(11, RECEIPT.root).replace("— relief.example ", "— relief.example é"),
        note(11, RECEIPT.root).replace(f"{NAME} ", "witness.example "),
        note(11, RECEIPT.root).replace("\n\n", "\n"),
        checkpoint.sign_note("one line\n", NAME, KEY),
        "\ud800" + note(11, RECEIPT.root),
    ],
)
def test_a_checkpoint_that_is_missing_wrong_or_anothers_fails(forged: str | None) -> None:
    text = json.dumps({**json.loads(RECEIPT.to_json()), "checkpoint": forged})
    with pytest.raises(VerificationFailed) as caught:
        verify_receipt(text, vkey=VKEY)
    assert caught.value.check == "checkpoint"


@pytest.mark.parametrize("vkey", ["", "a+b+c", VKEY[:-1], VKEY + "=", VKEY.replace(NAME, "x"), "é"])
def test_a_key_that_is_no_key_fails(vkey: str) -> None:
    with pytest.raises(VerificationFailed, match="vkey"):
        verify_receipt(RECEIPT, vkey=vkey)


@pytest.mark.parametrize(
    ("entry", "disclosure"),
    [
        (ENTRIES[6], conceal(b"\x01" * 32, {"phone": "1"}).disclosures["phone"]),
        (ENTRIES[6], ""),
        (ENTRIES[5], HIDDEN.disclosures["phone"]),
        (b"not JSON", HIDDEN.disclosures["phone"]),
        (b'{"_sd":7}', HIDDEN.disclosures["phone"]),
        (b"[" * 100_000, HIDDEN.disclosures["phone"]),
    ],
)
def test_a_disclosure_that_opens_nothing_fails(entry: bytes, disclosure: str) -> None:
    alone = Receipt(entry, 0, 1, (), merkle.leaf_hash(entry), disclosures=(disclosure,))
    with pytest.raises(VerificationFailed, match="disclosures"):
        verify_receipt(alone)


def fields() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(RECEIPT.to_json())
    return loaded


@pytest.mark.parametrize("name", sorted(fields()))
@pytest.mark.parametrize("value", [True, 1.5, [1], {"a": 1}, -1, "zz", 2**64])
def test_a_field_of_another_type_is_refused_by_name(name: str, value: object) -> None:
    text = json.dumps({**fields(), name: value})
    if type(value) is type(fields()[name]) and name in {"entry", "checkpoint"}:
        return
    with pytest.raises(ReceiptMalformed, match=name) as caught:
        Receipt.from_json(text)
    assert caught.value.field.startswith(name)


@pytest.mark.parametrize("name", sorted(fields()))
def test_a_missing_field_is_refused_by_name(name: str) -> None:
    changed = fields()
    del changed[name]
    with pytest.raises(ReceiptMalformed, match=f"{name}: missing"):
        Receipt.from_json(json.dumps(changed))


@pytest.mark.parametrize("name", ["chain_id", "contract", "block_number", "block_hash", "tx_hash"])
def test_a_missing_field_of_the_evidence_is_refused_by_name(name: str) -> None:
    changed = fields()
    del changed["chain"][name]
    with pytest.raises(ReceiptMalformed, match=f"chain.{name}: missing"):
        Receipt.from_json(json.dumps(changed))


def changed_text(change: Callable[[dict[str, Any]], object]) -> str:
    loaded = fields()
    change(loaded)
    return json.dumps(loaded)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "receipt"),
        ("[]", "receipt"),
        ("null", "receipt"),
        ("[" * 100_000, "receipt"),
        (b"\xff", "receipt"),
        ('{"format": "medrelay-receipt/1", "format": "medrelay-receipt/1"}', "receipt"),
        (changed_text(lambda loaded: loaded.update(format="medrelay-receipt/2")), "format"),
        (changed_text(lambda loaded: loaded.update(more=1)), "more"),
        (changed_text(lambda loaded: loaded["chain"].update(more=1)), "chain.more"),
        (changed_text(lambda loaded: loaded.update(root="AB" * 32)), "root"),
        (changed_text(lambda loaded: loaded.update(root="0x" + "ab" * 31)), "root"),
        (changed_text(lambda loaded: loaded["inclusion_path"].append("")), "inclusion_path[4]"),
        (changed_text(lambda loaded: loaded.update(disclosures=[None])), "disclosures[0]"),
        (changed_text(lambda loaded: loaded.update(entry="\ud800")), "entry"),
    ],
)
def test_a_text_that_is_no_receipt_is_refused_by_field(text: str | bytes, field: str) -> None:
    with pytest.raises(ReceiptMalformed) as caught:
        Receipt.from_json(text)
    assert caught.value.field == field


@given(st.sampled_from(sorted(fields())), st.data())
def test_the_verifier_never_crashes_on_what_it_is_given(name: str, data: st.DataObject) -> None:
    value = data.draw(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        )
    )
    text = json.dumps({**fields(), name: value})
    with suppress(VerificationFailed):
        verify_receipt(text, chain=CHAIN, vkey=VKEY)


@given(st.text() | st.binary())
def test_the_verifier_never_crashes_on_noise(noise: str | bytes) -> None:
    with pytest.raises(VerificationFailed, match="format"):
        verify_receipt(noise)


def test_the_verifier_stands_alone() -> None:
    # It is published as one file: nothing of this project, and cryptography beside the library.
    source = (Path(__file__).parents[2] / "ledger" / "verify.py").read_text()
    imported = {
        line.split()[1].partition(".")[0]
        for line in source.splitlines()
        if line.startswith(("import ", "from "))
    }
    assert imported == {
        "__future__", "argparse", "base64", "collections", "cryptography", "dataclasses",
        "datetime", "enum", "gzip", "hashlib", "http", "itertools", "json", "pathlib", "re", "sys",
        "typing", "urllib", "zlib",
    }  # fmt: skip
    assert imported - {"cryptography"} <= sys.stdlib_module_names
