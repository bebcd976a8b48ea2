"""What organisations signed, as whoever has a dump of the log holds it to their keys."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from ledger import merkle, verify
from ledger.canonical import MAX_INTEGER, NotCanonical, canonicalize
from ledger.checkpoint import VerifierKey
from ledger.statement import _SMALL_ORDER, sign_statement
from ledger.verify import Trust, Verdict, VerificationFailed, verify_dump
from tests.ledger.memory_chain import MemoryChain

LOG = {"origin": "relief.example/log", "chain_id": "77", "contract": MemoryChain.address}
ELSEWHERE = {**LOG, "chain_id": "1"}

Record = dict[str, Any]


class Signer:
    """An organisation with a key of its own."""

    def __init__(self, organisation: str, number: int = 1) -> None:
        self.organisation = organisation
        self.private = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        self.vkey = VerifierKey(organisation, self.private.public_key()).encode()

    def sign(self, said: Record) -> Record:
        return {"key": self.vkey, "sig": sign_statement(said, self.private)}


DONOR, HOSPITAL, THIEF = Signer("DN42", 1), Signer("HOSP1", 2), Signer("DN43", 3)
SECOND = Signer("DN42", 4)


def record(kind: str, document: str, facts: Record, *signatures: Record) -> Record:
    return {
        "id": f"{kind}:{document}:{len(json.dumps(facts))}:{facts.get('vkey')}",
        "kind": kind,
        "document": document,
        "facts": facts,
        "log": LOG,
        "lots": [],
        "moves": [],
        "reverses": None,
        "signatures": list(signatures),
    }


def said_of_key(signer: Signer, **changes: Any) -> Record:
    said = {"type": "medrelay-key/1", "log": LOG, "organisation": signer.organisation}
    return {**said, "key": signer.vkey, **changes}


def key_entry(kind: str, signer: Signer, **more: Any) -> Record:
    facts = {"organisation": signer.organisation, "vkey": signer.vkey, **more}
    return record(kind, f"organisation:{signer.organisation}", facts)


def registered(signer: Signer, *, by: Signer | None = None, **changes: Any) -> Record:
    said = said_of_key(signer, **changes)
    entry = key_entry("key_registered", signer, said=said)
    return {**entry, "signatures": [(by or signer).sign(said)]}


def revoked(signer: Signer) -> Record:
    return key_entry("key_revoked", signer)


def pledge_said(number: str = "7", **changes: Any) -> Record:
    said = {"type": "medrelay-pledge/1", "log": LOG, "organisation": "DN42", "id": number}
    return {**said, "kind": "money", "amount_minor": "100", **changes}


def pledge(number: str = "7", *signers: Signer, **changes: Any) -> Record:
    said = pledge_said(number, **changes)
    return record(
        "signed_pledge",
        f"donation:{number}",
        {"said": said},
        *(signer.sign(said) for signer in signers or (DONOR,)),
    )


def receipt(number: str = "9", **changes: Any) -> Record:
    said: Record = {"type": "medrelay-goods-receipt/1", "log": LOG, "organisation": "HOSP1"}
    said |= {"shipment": number, "lines": [{"line": 1, "accepted": "990"}], **changes}
    return record("signed_receipt", f"shipment:{number}", {"said": said}, HOSPITAL.sign(said))


def checked(*records: Record, trust: Trust | None = None) -> Verdict:
    texts = [canonicalize(one).decode() for one in records]
    lines = [
        json.dumps({"index": index, "record": text}).encode() for index, text in enumerate(texts)
    ]
    if trust is None:
        chain = MemoryChain()
        chain.append(0, [merkle.leaf_hash(text.encode()) for text in texts])
        trust = Trust(chain=chain)
    return verify_dump(lines, trust=trust)


REGISTERED = (registered(DONOR), registered(HOSPITAL), registered(THIEF))


def told(verdict: Verdict) -> str:
    [line] = [line for line in verdict.checked if "igned by" in line]
    return line


def test_signatures_are_counted_with_their_organisations() -> None:
    verdict = checked(*REGISTERED, pledge("1"), pledge("2"), receipt(), record("plan", "x", {}))
    assert "3 of them, of 2 organisations" in told(verdict)
    assert "None of them is signed" in told(checked(*REGISTERED))
    assert "None of them is signed" in told(checked(record("plan", "x", {})))


def test_records_from_before_signatures_or_without_a_kind_have_none() -> None:
    old = {key: record("plan", "x", {})[key] for key in ("id", "log", "lots", "moves", "reverses")}
    assert "None of them is signed" in told(checked(old))


def test_what_was_signed_before_its_key_was_revoked_stays_signed() -> None:
    assert "1 of them" in told(checked(*REGISTERED, pledge(), revoked(DONOR)))
    assert "1 of them" in told(checked(registered(SECOND), *REGISTERED, revoked(SECOND), pledge()))
    both = checked(registered(SECOND), *REGISTERED, pledge("7", DONOR, SECOND))
    assert "1 of them, of 1 organisations" in told(both)


def test_a_key_from_before_keys_showed_themselves_is_taken_as_it_was() -> None:
    bare = key_entry("key_registered", DONOR)
    assert "1 of them" in told(checked(bare, pledge()))
    with pytest.raises(VerificationFailed, match="it is unsigned, where entries like it"):
        checked(registered(HOSPITAL), bare, pledge())


def changed(entry: Record, **changes: Any) -> Record:
    return {**entry, **changes}


def signed_by(entry: Record, key: str, sig: str) -> Record:
    return changed(entry, signatures=[{"key": key, "sig": sig}])


def sig_of(entry: Record) -> str:
    return str(entry["signatures"][0]["sig"])


PLEDGE = pledge()
SAID = PLEDGE["facts"]["said"]
WRONG: list[tuple[Record, str]] = [
    # 1: the log
    (pledge(log=ELSEWHERE), "meant for another log"),
    (pledge(log=None), "meant for another log"),
    (receipt(log={**LOG, "more": "x"}), "meant for another log"),
    # 2: what it is about
    (changed(PLEDGE, document="donation:8"), "isn't about donation:8"),
    (changed(PLEDGE, document="shipment:7"), "isn't about shipment:7"),
    (changed(PLEDGE, document=None), "isn't about None"),
    (changed(receipt(), document="donation:9"), "isn't about donation:9"),
    (changed(PLEDGE, kind="signed_receipt"), "where medrelay-goods-receipt/1 belongs"),
    (pledge(type="medrelay-pledge/2"), "'medrelay-pledge/2' where medrelay-pledge/1 belongs"),
    (changed(PLEDGE, kind="plan"), "is this the newest verify.py"),
    # 3: the key
    (pledge("7", SECOND), "DN42 hadn't registered the key DN42"),
    (pledge("7", THIEF), "DN42 hadn't registered the key DN43"),
    (pledge("7", organisation="DN43"), "DN43 hadn't registered the key DN42"),
    (pledge("7", organisation=None), "organisation isn't text"),
    (pledge("7", DONOR, THIEF), "DN42 hadn't registered the key DN43"),
    (signed_by(PLEDGE, DONOR.vkey + "\n", sig_of(PLEDGE)), "isn't base64"),
    (signed_by(PLEDGE, " " + DONOR.vkey, sig_of(PLEDGE)), "the id of"),
    (signed_by(PLEDGE, "nonsense", sig_of(PLEDGE)), "isn't name"),
    # 4: the signature
    (pledge("7", DONOR, DONOR), "it is signed twice"),
    (changed(PLEDGE, facts={"said": {**SAID, "amount_minor": "101"}}), "DN42 doesn't match"),
    (changed(PLEDGE, facts={"said": {**SAID, "more": None}}), "DN42 doesn't match"),
    (signed_by(PLEDGE, DONOR.vkey, sig_of(pledge("8"))), "DN42 doesn't match"),
    (signed_by(PLEDGE, DONOR.vkey, ""), "DN42 doesn't match"),
    (signed_by(PLEDGE, DONOR.vkey, sig_of(PLEDGE) + "\n"), "isn't base64"),
    (signed_by(PLEDGE, DONOR.vkey, "AA=="), "DN42 doesn't match"),
    # the form
    (changed(PLEDGE, signatures=[]), "it is unsigned"),
    (changed(PLEDGE, signatures=None), "signatures isn't a list"),
    (changed(PLEDGE, signatures=["x"]), "signature isn't an object"),
    (changed(PLEDGE, signatures=[{"key": DONOR.vkey}]), "sig isn't text"),
    (changed(PLEDGE, signatures=[{"sig": sig_of(PLEDGE)}]), "key isn't text"),
    (changed(PLEDGE, facts={}), "facts.said isn't an object"),
    (changed(PLEDGE, facts=[]), "facts isn't an object"),
    (changed(PLEDGE, facts={"said": "x"}), "facts.said isn't an object"),
    (changed(PLEDGE, kind=["x"]), "is this the newest verify.py"),
    (changed(revoked(DONOR), facts={"organisation": "DN42"}), "vkey isn't text"),
    (changed(revoked(DONOR), facts=None), "facts isn't an object"),
    # a key's own signature of its registration
    (registered(SECOND, by=DONOR), "it registers another key than the one that signed it"),
    (registered(SECOND, key=DONOR.vkey), "it registers another key"),
    (registered(SECOND, key={}), "it registers another key"),
    (registered(SECOND, log=ELSEWHERE), "meant for another log"),
    (registered(SECOND, organisation="DN43"), "isn't about organisation:DN42"),
    (changed(registered(SECOND), signatures=[]), "it is unsigned"),
    (signed_by(registered(SECOND), SECOND.vkey, sig_of(PLEDGE)), "DN42 doesn't match"),
]


@pytest.mark.parametrize(("wrong", "why"), WRONG)
def test_no_wrong_signature_passes_whoever_anchored_it(wrong: Record, why: str) -> None:
    with pytest.raises(VerificationFailed) as caught:
        checked(*REGISTERED, record("plan", "x", {}), wrong)
    assert (caught.value.check, why in caught.value.why) == ("dump, record 4", True), caught.value


@pytest.mark.parametrize(
    ("before", "why"),
    [
        ((), "hadn't registered"),
        ((registered(HOSPITAL),), "hadn't registered"),
        ((*REGISTERED, revoked(DONOR)), "had revoked the key"),
        ((*REGISTERED, PLEDGE), "it is signed twice"),
    ],
)
def test_a_key_signs_from_its_registration_to_its_revocation(
    before: tuple[Record, ...], why: str
) -> None:
    again = changed(PLEDGE, id="another entry")
    with pytest.raises(VerificationFailed, match=f"dump, record {len(before)}: .*{why}"):
        checked(*before, again)


def test_a_key_that_was_revoked_never_comes_back() -> None:
    back = changed(registered(DONOR), id="another entry")
    with pytest.raises(VerificationFailed, match=r"record 4: .*had revoked the key"):
        checked(*REGISTERED, revoked(DONOR), back, PLEDGE)


def test_a_key_that_is_named_after_another_organisation_signs_for_neither() -> None:
    facts = {"organisation": "DN42", "vkey": THIEF.vkey}
    taken = record("key_registered", "organisation:DN42", facts)
    for named in ("DN42", "DN43"):
        with pytest.raises(VerificationFailed, match=f"{named} hadn't registered the key DN43"):
            checked(taken, pledge("7", THIEF, organisation=named))
    assert "1 of them" in told(
        checked(taken, registered(THIEF), pledge("7", THIEF, organisation="DN43"))
    )


def test_a_key_registers_itself_with_one_signature() -> None:
    entry = registered(DONOR)
    with pytest.raises(VerificationFailed, match="it is signed twice"):
        checked({**entry, "signatures": entry["signatures"] * 2}, PLEDGE)


@pytest.mark.parametrize("point", sorted(_SMALL_ORDER))
@pytest.mark.parametrize("sign", [0, 0x80])
def test_a_key_that_binds_nobody_has_signed_nothing(point: bytes, sign: int) -> None:
    data = point[:-1] + bytes([point[-1] | sign])
    vkey = VerifierKey("DN42", Ed25519PublicKey.from_public_bytes(data)).encode()
    entry = record("key_registered", "organisation:DN42", {"organisation": "DN42", "vkey": vkey})
    anything = base64.b64encode(int.to_bytes(1, 32, "little") + bytes(32)).decode()
    with pytest.raises(VerificationFailed, match="binds nobody"):
        checked(entry, signed_by(PLEDGE, vkey, anything))


@given(st.integers(0, 64 * 8 - 1))
def test_no_flipped_bit_of_a_signature_passes(bit: int) -> None:
    data = bytearray(base64.b64decode(sig_of(PLEDGE)))
    data[bit // 8] ^= 1 << bit % 8
    forged = signed_by(PLEDGE, DONOR.vkey, base64.b64encode(data).decode())
    with pytest.raises(VerificationFailed, match=r"record 1: .*doesn't match"):
        checked(REGISTERED[0], forged, trust=Trust())


def test_what_no_checkpoint_vouches_for_is_not_counted() -> None:
    texts = [canonicalize(one) for one in (*REGISTERED, pledge("1"), pledge("2"))]
    chain = MemoryChain()
    chain.append(0, [merkle.leaf_hash(text) for text in texts[:4]])
    kept = f"{LOG['origin']}\n4\n{base64.b64encode(chain.roots[4]).decode()}\n"
    verdict = checked(*REGISTERED, pledge("1"), pledge("2"), trust=Trust(kept=kept))
    assert "1 of them" in told(verdict)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Cc", "So"))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_a_statement_is_written_as_rfc_8785_has_it(said: Record) -> None:
    try:
        expected = canonicalize(said)
    except NotCanonical:
        return
    assert verify._canonical(said).encode() == expected


def test_names_are_sorted_by_utf_16() -> None:
    # By code points, U+FB33 would come first.
    assert verify._canonical({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'


@pytest.mark.parametrize("number", [0.5, float("nan"), 2**53, -(2**53)])
def test_a_number_that_no_statement_holds_is_refused(number: float) -> None:
    with pytest.raises(VerificationFailed, match="no such number"):
        verify._canonical({"quantity": [number]})


NESTED = '{"a":' * 500 + "1" + "}" * 500


def test_a_statement_without_end_is_refused() -> None:
    text = canonicalize(PLEDGE).decode().replace('"kind":"money"', f'"kind":{NESTED}')
    first = canonicalize(REGISTERED[0]).decode()
    lines = [
        json.dumps({"index": index, "record": one}).encode()
        for index, one in enumerate((first, text))
    ]
    with pytest.raises(VerificationFailed, match="dump, record 1"):
        verify_dump(lines, trust=Trust())
