"""`medrelay verify`: a receipt, or the whole log, against what its reader knows of the log."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from rich.console import Console

from ledger.chain import ChainError, open_chain
from ledger.verify import (
    ChainReader,
    Level,
    OutOfReach,
    RpcChain,
    Trust,
    Verdict,
    VerificationFailed,
    growth_from,
    misused,
    read_dump,
    read_file,
    read_key_changes,
    read_note,
    told,
    verify_dump,
    verify_receipt,
)
from services.settings import Settings, get_settings

T = TypeVar("T", str, Path)

console = Console(soft_wrap=True, highlight=False, emoji=False)

_NO_TRUST_ROOT = (
    "A receipt can't vouch for itself: give --contract ADDRESS or --vkey KEY, as the log's page "
    "and GET /api/v1/audit/log show them (or set MEDRELAY_CHAIN_CONTRACT, MEDRELAY_LOG_VKEY), or "
    "--checkpoint FILE, one that you kept."
)

_ELSEWHERE = (
    "Away from the log's own machine, set MEDRELAY_CHAIN_URL to a node, or to /chain/rpc at the "
    "log's address; or give --offline."
)


def verify(
    receipt: Annotated[Path | None, typer.Argument(exists=True, dir_okay=False)] = None,
    vkey: Annotated[
        list[str] | None,
        typer.Option(help="The log's verifier key, to check the checkpoint with."),
    ] = None,
    contract: Annotated[
        list[str] | None, typer.Option(help="Address of the log's contract, to ask no other one.")
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="A checkpoint of the log that you kept."),
    ] = None,
    key_change: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="How the log changed its key: /api/v1/audit/log, saved, or each note, in order.",
        ),
    ] = None,
    growth: Annotated[
        list[str] | None,
        typer.Option(help="The log's address, or a file: the proof from one size to another."),
    ] = None,
    dump: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="Every record: /log/dump.jsonl.gz."),
    ] = None,
    witness: Annotated[
        list[str] | None, typer.Option(help="A witness's key; may stand several times.")
    ] = None,
    offline: Annotated[bool, typer.Option(help="Don't ask the chain.")] = False,
) -> None:
    """Check a receipt or a dump against what you know of the log, never against what it names.

    Take the key and the contract from the log's page once, and keep them. On the machine with the
    embedded chain, the chain in the data folder is what is asked. It ends with 0 where everything
    holds, 1 where something doesn't, 2 where nothing was asked, 3 where the chain or a file can't
    be read, and 4 where there was nothing to hold the receipt against.
    """
    settings = get_settings()
    key = _only("--vkey", vkey) or settings.log_vkey
    address = _only("--contract", contract) or settings.chain_contract
    kept, proofs = _only("--checkpoint", checkpoint), _only("--growth", growth)
    records, changes = _only("--dump", dump), key_change or []
    if receipt is None and records is None:
        _end_unchecked("Give a receipt, or --dump FILE.")
    mend = misused(address, key, changes)
    if mend:
        _end_unchecked(mend)
    # A chain is worth asking only where something other than the receipt says which contract.
    asks_chain = not offline and (settings.chain_url is None or address is not None)
    if not offline and not asks_chain and key is None and kept is None:
        _end_unchecked(_NO_TRUST_ROOT)
    with _failures_told(settings), _chain(settings, address, asked=asks_chain) as chain:
        trust = Trust(
            vkey=key,
            kept=read_note(kept) if kept else None,
            chain=chain,
            growth=growth_from(proofs) if proofs else None,
            witnesses=tuple(witness or ()),
            key_changes=[note for path in changes for note in read_key_changes(path)],
        )
        _tell(_verdict(receipt, records, trust))


def _only(name: str, values: Sequence[T] | None) -> T | None:
    """The value of an option that has one: of two, one would go unchecked."""
    if values and len(values) > 1:
        _end_unchecked(f"{name} stands twice.")
    # An empty text is what an unset variable of a shell leaves: never a wish to check less.
    if values and values[0] == "":
        _end_unchecked(f"{name} is empty.")
    return values[0] if values else None


def _end_unchecked(why: str) -> NoReturn:
    console.print(f"{why} Nothing was checked.", markup=False)
    raise typer.Exit(2)


@contextmanager
def _failures_told(settings: Settings) -> Iterator[None]:
    """End the command in words, and with its code, where something fails or can't be read."""
    try:
        yield
    except VerificationFailed as error:
        console.print("[bold red]NOT VALID[/]", end="  ")
        console.print(f"{error}", markup=False)
        raise typer.Exit(1) from error
    except OutOfReach as error:
        console.print(f"{error}", markup=False)
        raise typer.Exit(3) from error
    except (ChainError, ValueError) as error:
        console.print(f"The chain can't be read: {error}", markup=False)
        if settings.chain_url is None:
            console.print(_ELSEWHERE, markup=False)
        raise typer.Exit(3) from error


def _verdict(receipt: Path | None, dump: Path | None, trust: Trust) -> Verdict:
    content = read_file(receipt) if receipt else None
    if dump is not None:
        return verify_dump(read_dump(dump), trust=trust, receipt=content)
    assert content is not None
    return verify_receipt(content, trust=trust)


@contextmanager
def _chain(
    settings: Settings, contract: str | None, *, asked: bool
) -> Iterator[ChainReader | None]:
    """The chain to ask: a node by the reader's own words, or the embedded one's folder."""
    if not asked:
        yield None
    elif settings.chain_url is not None:
        assert contract is not None
        yield RpcChain(settings.chain_url, contract)
    else:
        chain = open_chain(None, settings.data_dir / "chain", read_only=True)
        try:
            # The embedded chain has one contract, whatever was asked for: see that it is that one.
            if contract is not None and contract.lower() != chain.address.lower():
                raise VerificationFailed(
                    "chain", f"the chain at hand has contract {chain.address}, not {contract}"
                )
            yield chain
        finally:
            chain.close()


def _tell(verdict: Verdict) -> None:
    for line in told(verdict):
        console.print(line, markup=False)
    if verdict.level is Level.CONSISTENT:
        console.print("[bold yellow]CONSISTENT ONLY — held against nothing else[/]")
        console.print("Anybody can make such a file. Give --vkey KEY, or let it ask the chain.")
        raise typer.Exit(4)
    if not verdict.is_whole:
        console.print(f"[bold yellow]NOT ALL CHECKED[/]  {verdict.summary} See ✗.")
        raise typer.Exit(2)
    console.print(f"[bold green]VALID[/]  {verdict.summary}")
