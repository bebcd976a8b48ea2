"""The log's chain and keys as this process may use them: the ones that the log was begun with."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr
from sqlmodel import Session

from ledger.anchor import LogDiverged
from ledger.chain import Chain, ChainError, open_chain
from ledger.checkpoint import VerifierKey
from ledger.keys import KeyRefused, load_or_create_secret, parse_secret, signing_key
from services.audit import service as audit
from services.audit.anchoring import current_verifier_key, sample_of_anchors
from services.audit.models import LogContract
from services.settings import Settings


class WrongContract(ChainError):
    """The chain answers for another contract or chain than the one this log is anchored in."""


def submitter_path(settings: Settings) -> Path:
    return settings.data_dir / "chain" / "submitter.key"


def log_key_path(settings: Settings) -> Path:
    return settings.data_dir / "keys" / "log.key"


def given_submitter(settings: Settings) -> bytes | None:
    """The submitter's 32 bytes, where the environment gives them.

    Raises:
        KeyRefused: no key, or the very one that signs checkpoints: they are to be apart.

    """
    secret = _parse(settings.submitter_key, "MEDRELAY_SUBMITTER_KEY")
    if secret is not None and secret == _parse(settings.log_key, "MEDRELAY_LOG_KEY"):
        raise KeyRefused("MEDRELAY_SUBMITTER_KEY and MEDRELAY_LOG_KEY are the same; make two keys")
    return secret


def load_signing_key(settings: Settings) -> Ed25519PrivateKey:
    """The key that signs checkpoints: from the environment, or its file, made when absent."""
    given = _parse(settings.log_key, "MEDRELAY_LOG_KEY")
    return signing_key(given or load_or_create_secret(log_key_path(settings)))


def _parse(given: SecretStr | None, name: str) -> bytes | None:
    """What the environment gives; a refusal never repeats it."""
    try:
        return parse_secret(given.get_secret_value()) if given is not None else None
    except ValueError:
        raise KeyRefused(f"{name} holds no key: give 64 hex digits") from None


def verifier_key(settings: Settings, key: Ed25519PrivateKey) -> str:
    return VerifierKey(settings.log_origin, key.public_key()).encode()


def open_known(settings: Settings, session: Session, key: Ed25519PrivateKey) -> Chain:
    """The chain of this log, begun where there is none yet.

    Raises:
        WrongContract: it is another one, or `key` isn't the one that signs this log's checkpoints.
        LogDiverged: it was rewritten since: what is anchored isn't there, or stands elsewhere.

    """
    known = audit.find_contract(session)
    confirmations = settings.chain_confirmations
    chain = open_chain(
        settings.chain_url,
        settings.data_dir / "chain",
        address=known.address if known else None,
        start_block=known.deployed_block if known else 0,
        timeout_s=float(settings.chain_timeout_s),
        secret=given_submitter(settings),
        confirmations=None if confirmations == "finalized" else confirmations,
    )
    try:
        if known is None:
            _begin(session, chain, verifier_key(settings, key))
        else:
            _demand_same(settings, session, known, chain, verifier_key(settings, key))
            demand_kept(session, chain, embedded=settings.chain_url is None)
    except BaseException:
        chain.close()
        raise
    return chain


def demand_kept(session: Session, chain: Chain, *, embedded: bool) -> None:
    """That the chain still holds what is anchored: the newest root, and others spread over the log.

    One root binds all leaves before it. On a node only what is final has to be there.

    Raises:
        LogDiverged: the chain was rewritten or rolled back.

    """
    for anchor in sample_of_anchors(session, final_only=not embedded):
        found = chain.root_at(anchor.size)
        block = chain.block_hash(anchor.block_number)
        if found == anchor.root and block is not None and block.hex() == anchor.block_hash:
            continue
        what = "root" if found != anchor.root else f"block {anchor.block_number}"
        raise LogDiverged(
            f"The chain was rewritten or rolled back: its {what} for {anchor.size} leaves isn't "
            "the one that was anchored and given out in checkpoints and receipts. Nothing is "
            "written to it. Put the right chain back (see docs/operations.md, Backup); "
            "`medrelay check` names every difference"
        )


def _begin(session: Session, chain: Chain, vkey: str) -> None:
    session.add(
        LogContract(
            address=chain.address,
            chain_id=chain.chain_id,
            deployed_block=chain.deployed_block,
            verifier_key=vkey,
            first_seen_at=datetime.now(UTC),
        )
    )


def _demand_same(
    settings: Settings, session: Session, known: LogContract, chain: Chain, vkey: str
) -> None:
    if (known.chain_id, known.address) != (chain.chain_id, chain.address):
        raise WrongContract(
            f"This log is in contract {known.address} on chain {known.chain_id}; the chain "
            f"at hand has {chain.address} on {chain.chain_id}"
        )
    current = current_verifier_key(session, known)
    if current != vkey:
        raise WrongContract(
            f"This log's checkpoints are signed by {current}, and the key in "
            f"{log_key_path(settings)} or MEDRELAY_LOG_KEY is another one. Where a rotation "
            "broke off, run `medrelay keys rotate log` again"
        )
