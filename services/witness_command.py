"""`medrelay witness`: watch a log from outside, cosign what only grew, shout where it didn't."""

import json
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ledger import tiles
from ledger.checkpoint import NoteRefused, VerifierKey
from ledger.keys import KeyRefused, load_or_create_secret, signing_key
from ledger.tiles import Tile, TileMalformed
from ledger.verify import OutOfReach, fetch
from ledger.witness import Cosigner, Sight, WitnessRefused, look

console = Console(soft_wrap=True)


def witness(
    log: Annotated[str, typer.Option(help="The log's address, such as https://relief.example.")],
    vkey: Annotated[str, typer.Option(help="The log's verifier key, as its page shows it.")],
    key: Annotated[Path, typer.Option(help="Your key, 64 hex digits; made when absent.")],
    state: Annotated[Path, typer.Option(help="Where the last checkpoint seen is kept.")],
    name: Annotated[
        str | None, typer.Option(help="Your name in cosignatures, as a URL without scheme.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Look once, then end.")] = False,
    every: Annotated[int, typer.Option(min=1, help="Seconds between two looks.")] = 60,
) -> None:
    """Watch a log: keep its checkpoint, demand proof that it only grew, cosign it.

    Ends with 1 where the log was rolled back, forked or doesn't prove its growth, with both of its
    signed checkpoints kept beside the state as evidence; with 2 where a key or the state can't be
    used, and, looking once, with 3 where the log can't be reached. The operator names your key in
    MEDRELAY_WITNESS_KEYS, so that what you sign is given out with the log's receipts.
    """
    try:
        secret = signing_key(load_or_create_secret(key))
        cosigner = Cosigner(name or _name_of(secret.public_key().public_bytes_raw()), secret)
        verifier = VerifierKey.decode(vkey)
        witness_key = cosigner.key.encode()
    except (KeyRefused, NoteRefused, ValueError, OSError) as error:
        console.print(f"{error}", markup=False)
        raise typer.Exit(2) from error
    console.print(f"This witness's key: {witness_key}", markup=False)
    remote = RemoteLog(log.rstrip("/"))
    while True:
        try:
            look_once(remote, verifier, cosigner, state)
        except OutOfReach as error:
            console.print(f"Not seen: {error}", markup=False)
            if once:
                raise typer.Exit(3) from error
        if once:
            return
        time.sleep(every)


class RemoteLog:
    """A log at an address: its checkpoint, its tiles (C2SP tlog-tiles), and where to bring ours."""

    def __init__(self, url: str) -> None:
        self._url = url

    def checkpoint(self) -> str:
        try:
            return fetch(f"{self._url}/log/checkpoint").decode("utf-8")
        except UnicodeDecodeError as error:
            raise OutOfReach(f"{self._url} gives a checkpoint that isn't text") from error

    def tile(self, level: int, index: int, width: int) -> bytes:
        return fetch(f"{self._url}/log/tile/{Tile(level, index, width).path()}")

    def growth(self, before: int, after: int) -> Sequence[bytes]:
        try:
            return tiles.consistency_path(self, before, after)
        except TileMalformed as error:
            raise OutOfReach(f"{self._url} gives a broken tile: {error}") from error

    def bring(self, size: int, line: str) -> None:
        fetch(f"{self._url}/log/cosignature", json.dumps({"size": size, "line": line}).encode())


def look_once(log: RemoteLog, verifier: VerifierKey, cosigner: Cosigner, state: Path) -> Sight:
    """One look: state is written before the cosignature leaves, so that none is ever given twice.

    Raises:
        OutOfReach: the log can't be read; nothing has changed.
        typer.Exit: with 1 on a fork or a roll-back, with 2 where a note can't be used.

    """
    shown = log.checkpoint()
    try:
        kept = state.read_text(encoding="utf-8") if state.exists() else None
        sight = look(
            kept, shown, log=verifier, growth=log.growth, cosigner=cosigner, now_s=int(time.time())
        )
        if sight.note != kept:
            _write(state, sight.note)
    except WitnessRefused as refused:
        _shout(refused, state)
        raise typer.Exit(1) from refused
    except (NoteRefused, OSError, UnicodeDecodeError) as error:
        console.print(f"Neither cosigned nor kept: {error} (state: {state})", markup=False)
        raise typer.Exit(2) from error
    _tell(sight)
    if sight.line not in shown.split("\n"):
        _bring(log, sight)
    return sight


def _bring(log: RemoteLog, sight: Sight) -> None:
    try:
        log.bring(sight.head.size, sight.line)
    except OutOfReach as error:
        console.print(f"Cosigned, and the log didn't take it: {error}", markup=False)


def _tell(sight: Sight) -> None:
    head = f"{sight.head.origin}, {sight.head.size} leaves, root {sight.head.root.hex()}"
    if sight.grew_by is None:
        console.print(f"Seen for the first time, and believed this once: {head}", markup=False)
    else:
        console.print(f"Grown by {sight.grew_by}, nothing changed: {head}", markup=False)


def _shout(refused: WitnessRefused, state: Path) -> None:
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    evidence = state.with_name(f"{state.name}.evidence-{moment}.json")
    document = {
        "what": type(refused).__name__,
        "why": refused.why,
        "kept": refused.kept,
        "shown": refused.shown,
        "path": [node.hex() for node in refused.path],
    }
    _write(evidence, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    console.print(f"[bold red]{type(refused).__name__}[/]: NOT COSIGNED", end=" — ")
    console.print(refused.why, markup=False)
    console.print(
        f"Both checkpoints, signed by the log, are in {evidence}. Show them to others, and ask the "
        "operator.",
        markup=False,
    )


def _write(path: Path, text: str) -> None:
    """Put a file in place whole or not at all, and on the disk before anybody is told."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _name_of(public_key: bytes) -> str:
    return f"medrelay-witness/{public_key.hex()[:16]}"
