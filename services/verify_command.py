"""`medrelay verify`: a receipt, or the whole log, against what its reader knows of the log."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ledger.chain import ChainError, open_chain
from ledger.proof import Receipt, ReceiptMalformed
from ledger.verify import (
    ChainReader,
    Level,
    OutOfReach,
    RpcChain,
    Trust,
    Verdict,
    VerificationFailed,
    growth_from,
    read_dump,
    read_note,
    table,
    verify_dump,
    verify_receipt,
)
from services.settings import Settings, get_settings

console = Console()

_NO_TRUST_ROOT = (
    "A receipt can't vouch for itself: give --contract ADDRESS or --vkey KEY, as the log's page "
    "and GET /api/v1/audit/log show them (or set MEDRELAY_CHAIN_CONTRACT, MEDRELAY_LOG_VKEY), or "
    "--checkpoint FILE, one that you kept. Nothing was checked."
)

_ELSEWHERE = (
    "Away from the log's own machine, set MEDRELAY_CHAIN_URL to a node, or to /chain/rpc at the "
    "log's address; or give --offline."
)


def verify(
    receipt: Annotated[Path | None, typer.Argument(exists=True, dir_okay=False)] = None,
    vkey: Annotated[
        str | None,
        typer.Option(help="The log's verifier key, to check the checkpoint with."),
    ] = None,
    contract: Annotated[
        str | None, typer.Option(help="Address of the log's contract, to ask no other one.")
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A checkpoint of the log that you kept."),
    ] = None,
    growth: Annotated[
        str | None,
        typer.Option(help="The log's address, or a file: the proof from one size to another."),
    ] = None,
    dump: Annotated[
        Path | None,
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
    # An empty text is what an unset variable of a shell leaves: never a wish to check less.
    for name, value in {"--vkey": vkey, "--contract": contract, "--growth": growth}.items():
        if value == "":
            console.print(f"{name} is empty. Nothing was checked.", markup=False)
            raise typer.Exit(2)
    vkey, contract = vkey or settings.log_vkey, contract or settings.chain_contract
    if receipt is None and dump is None:
        console.print("Give a receipt, or --dump FILE. Nothing was checked.", markup=False)
        raise typer.Exit(2)
    # A chain is worth asking only where something other than the receipt says which contract.
    asks_chain = not offline and (settings.chain_url is None or contract is not None)
    if not offline and not asks_chain and vkey is None and checkpoint is None:
        console.print(_NO_TRUST_ROOT, markup=False)
        raise typer.Exit(2)
    try:
        with _chain(settings, contract, asked=asks_chain) as chain:
            trust = Trust(
                vkey=vkey,
                kept=read_note(checkpoint) if checkpoint else None,
                chain=chain,
                growth=growth_from(growth) if growth else None,
                witnesses=tuple(witness or ()),
            )
            _tell(_verdict(receipt, dump, trust))
    except (ReceiptMalformed, VerificationFailed) as error:
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
    content = Receipt.from_json(receipt.read_bytes()) if receipt else None
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
    for line in verdict.checked:
        mark = "✗" if line.startswith("NOT ") else "✓"
        console.print(f"  {mark} {line}", markup=False)
    for line in table(verdict.totals) if verdict.totals else ():
        console.print(line, markup=False, soft_wrap=True)
    if verdict.level is Level.CONSISTENT:
        console.print("[bold yellow]CONSISTENT ONLY — held against nothing else[/]")
        console.print("Anybody can make such a file. Give --vkey KEY, or let it ask the chain.")
        raise typer.Exit(4)
    if not verdict.is_whole:
        console.print(f"[bold yellow]NOT ALL CHECKED[/]  {verdict.summary} See ✗.")
        raise typer.Exit(2)
    console.print(f"[bold green]VALID[/]  {verdict.summary}")
