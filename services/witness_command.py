"""`medrelay witness`: watch a log from outside, cosign what only grew, shout where it didn't."""

import json
import os
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated
from urllib.error import HTTPError

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from rich.console import Console

from ledger import tiles
from ledger.checkpoint import NoteRefused, VerifierKey, WitnessKey, verify_cosignature
from ledger.keys import KeyRefused, load_or_create_secret, signing_key
from ledger.tiles import Tile, TileMalformed
from ledger.verify import OutOfReach, fetch
from ledger.witness import Cosigner, GrowthNotShown, Sight, WitnessRefused, look

console = Console(soft_wrap=True, emoji=False)


def witness(
    log: Annotated[str, typer.Option(help="The log's address, such as https://relief.example.")],
    vkey: Annotated[str, typer.Option(help="The log's verifier key, as its page shows it.")],
    key: Annotated[Path, typer.Option(help="Your key, 64 hex digits; made when absent.")],
    state: Annotated[Path, typer.Option(help="Where the last checkpoint seen is kept.")],
    name: Annotated[
        str | None,
        typer.Option(
            help="Your name in cosignatures, as a URL without scheme; left out, the one that this "
            "key bears in the state, and at first one made of the key."
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Look once, then end.")] = False,
    every: Annotated[int, typer.Option(min=1, help="Seconds between two looks.")] = 60,
) -> None:
    """Watch a log: keep its checkpoint, demand proof that it only grew, cosign it.

    Ends with 1 where the log was rolled back, forked or doesn't prove its growth, with both of its
    signed checkpoints kept beside the state as evidence; with 2 where a key or the state can't be
    used, and, looking once, with 3 where the log can't be reached. Looking again and again, growth
    that isn't proven is told at each look, and the watch goes on: the proof may still come. The
    operator names your key in MEDRELAY_WITNESS_KEYS, so that what you sign is given out with the
    log's receipts.
    """
    try:
        secret = signing_key(load_or_create_secret(key))
        cosigner = Cosigner(name or _kept_name(state, secret.public_key()), secret)
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
        except GrowthNotShown as error:
            if once:
                raise typer.Exit(1) from error
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

    def growth(self, kept: str, shown: str, before: int, after: int) -> Sequence[bytes]:
        """Read the proof between two notes' sizes.

        Raises:
            GrowthNotShown: the log answers, and its tiles are missing, refused or broken.
            OutOfReach: the log doesn't answer, or says that it can't at present (5xx).

        """
        try:
            return tiles.consistency_path(self, before, after)
        except TileMalformed as error:
            why: Exception = error
        except OutOfReach as error:
            if not _was_answered(error):
                raise
            why = error
        told = f"it doesn't prove that it grew from {before} to {after}: {why}"
        raise GrowthNotShown(told, kept, shown) from why

    def bring(self, size: int, line: str) -> None:
        fetch(f"{self._url}/log/cosignature", json.dumps({"size": size, "line": line}).encode())


def _was_answered(error: OutOfReach) -> bool:
    """Whether the log did answer, only not with what it was asked for.

    `fetch` leaves the failure below it as the cause, and gives none for an answer that is too long.
    """
    cause = error.__cause__
    return cause is None or (isinstance(cause, HTTPError) and cause.code < 500)


def look_once(log: RemoteLog, verifier: VerifierKey, cosigner: Cosigner, state: Path) -> Sight:
    """One look: state is written before the cosignature leaves, so that none is ever given twice.

    Raises:
        OutOfReach: the log can't be read; nothing has changed.
        GrowthNotShown: it signed a larger tree and doesn't prove it; told, and evidence is kept.
        typer.Exit: with 1 on a fork or a roll-back, with 2 where a note can't be used.

    """
    shown = log.checkpoint()
    try:
        kept = state.read_text(encoding="utf-8") if state.exists() else None
        growth = partial(log.growth, kept or "", shown)
        now_s = int(time.time())
        sight = look(kept, shown, log=verifier, growth=growth, cosigner=cosigner, now_s=now_s)
        if sight.note != kept:
            _write(state, sight.note)
    except WitnessRefused as refused:
        _shout(refused, state)
        if isinstance(refused, GrowthNotShown):
            raise
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
        if isinstance(error.__cause__, HTTPError) and error.__cause__.code == 403:
            console.print("Its operator has to name your key in MEDRELAY_WITNESS_KEYS.")


def _tell(sight: Sight) -> None:
    head = f"{sight.head.origin}, {sight.head.size} leaves, root {sight.head.root.hex()}"
    if sight.grew_by is None:
        console.print(f"Seen for the first time, and believed this once: {head}", markup=False)
    else:
        console.print(f"Grown by {sight.grew_by}, nothing changed: {head}", markup=False)


def _shout(refused: WitnessRefused, state: Path) -> None:
    document = {
        "what": type(refused).__name__,
        "why": refused.why,
        "kept": refused.kept,
        "shown": refused.shown,
        "path": [node.hex() for node in refused.path],
    }
    evidence = _keep(json.dumps(document, indent=1, ensure_ascii=False) + "\n", state)
    console.print(f"[bold red]{type(refused).__name__}[/]: NOT COSIGNED", end=" — ")
    console.print(refused.why, markup=False)
    console.print(
        f"Both checkpoints, signed by the log, are in {evidence}. Show them to others, and ask the "
        "operator.",
        markup=False,
    )


def _keep(text: str, state: Path) -> Path:
    """Evidence beside the state, named by when it was first seen; the same is kept only once."""
    prefix = f"{state.name}.evidence-"
    for path in sorted(state.parent.iterdir()):
        if path.name.startswith(prefix) and path.read_bytes() == text.encode():
            return path
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    evidence = state.with_name(f"{prefix}{moment}.json")
    _write(evidence, text)
    return evidence


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


def _kept_name(state: Path, key: Ed25519PublicKey) -> str:
    """The name under which this key cosigned what is kept; one made of the key at the first look.

    Raises:
        ValueError: something is kept, and not in this key's name: a new key must not come with a
            new name by itself, as others know a witness by its name.

    """
    if not state.exists():
        return f"medrelay-witness/{key.public_bytes_raw().hex()[:16]}"
    kept = state.read_text(encoding="utf-8")
    for name in re.findall(r"^— (\S+) ", kept, re.MULTILINE):
        with suppress(NoteRefused, ValueError):
            verify_cosignature(kept, WitnessKey(name, key))
            return str(name)
    raise ValueError(
        f"This key hasn't cosigned what is kept in {state}. Give --name: the name that this "
        "witness had, where its key is a new one"
    )
