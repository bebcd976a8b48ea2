"""`medrelay keygen` and `medrelay sign`: a donor's or a consignee's own key, on their machine."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError
from rich.console import Console

from ledger.canonical import NotCanonical, canonicalize
from ledger.checkpoint import VerifierKey
from ledger.keys import KeyFileRefused, load_or_create_secret, load_secret, signing_key
from ledger.statement import sign_statement
from services.donations.schemas import GoodsIn, MoneyIn
from services.donations.signed import said as pledge_said
from services.journal.log import Log
from services.parties.keys import registration
from services.transport.schemas import ReceiveIn
from services.transport.signed import said as receipt_said

# What is for programs goes out by typer.echo: rich writes an emoji where a text holds its name.
errors = Console(stderr=True, soft_wrap=True, emoji=False)


class What(StrEnum):
    PLEDGE = "pledge"
    RECEIPT = "receipt"


def keygen(
    file: Annotated[Path, typer.Argument(help="Where the secret goes; readable by you alone.")],
    name: Annotated[str, typer.Option(help="Your organisation's code.")],
    log: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="What GET /api/v1/audit/log answers."),
    ] = None,
) -> None:
    """Make a key to sign with, and print its public side.

    With --log it prints what registers the key with that log: the public side, and the key's own
    signature, which shows that you have it. A file that is there already is kept, and the same
    printed again.
    """
    try:
        VerifierKey(name, Ed25519PrivateKey.generate().public_key())  # a name that can't be, first
        known = _log(log) if log else None
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        private_key = signing_key(load_or_create_secret(file))
        vkey = VerifierKey(name, private_key.public_key()).encode()
        if known is None:
            typer.echo(vkey)
            return
        sig = sign_statement(registration(vkey, name, known), private_key)
    except (KeyFileRefused, ValueError, KeyError, TypeError, OSError) as error:
        raise _refused(error) from error
    typer.echo(json.dumps({"vkey": vkey, "sig": sig}, indent=1))


def sign(
    what: Annotated[What, typer.Argument(help="A pledge, or a receipt of goods.")],
    body: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The request's JSON.")],
    key: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="What keygen wrote.")],
    name: Annotated[str, typer.Option(help="Your organisation's code, as in keygen.")],
    log: Annotated[
        Path,
        typer.Option(exists=True, dir_okay=False, help="What GET /api/v1/audit/log answers."),
    ],
    shipment: Annotated[UUID | None, typer.Option(help="Of a receipt: the shipment.")] = None,
    statement: Annotated[
        bool, typer.Option(help="Print the bytes that are signed, and sign nothing.")
    ] = False,
) -> None:
    """Sign a request on your own machine; prints the request with the signature in it."""
    try:
        request = _request(body)
        said = _said(what, request, name, _log(log), shipment)
        if statement:
            typer.echo(canonicalize(said).decode())
            return
        private_key = signing_key(load_secret(key))
        vkey = VerifierKey(name, private_key.public_key()).encode()
        signature = {"key": vkey, "sig": sign_statement(said, private_key)}
    except (ValueError, KeyError, TypeError, KeyFileRefused, NotCanonical) as error:
        raise _refused(error) from error
    signed = json.dumps(request | {"signature": signature}, ensure_ascii=False, indent=1)
    typer.echo(signed)


def _said(
    what: What, request: dict[str, Any], name: str, log: Log, shipment: UUID | None
) -> dict[str, Any]:
    plain = {field: value for field, value in request.items() if field != "signature"}
    if what is What.RECEIPT:
        if shipment is None:
            raise ValueError("a receipt is of a shipment: give --shipment ID")
        return receipt_said(ReceiveIn.model_validate(plain), shipment, name, log)
    if "id" not in plain:
        raise ValueError("a pledge that is signed has an id of its own: put a UUID in it")
    pledge = (MoneyIn if plain.get("kind") == "money" else GoodsIn).model_validate(plain)
    return pledge_said(pledge, name, log)


def _request(file: Path) -> dict[str, Any]:
    request = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(request, dict):
        raise TypeError(f"{file} holds no JSON object")
    return request


def _log(file: Path) -> Log:
    """The log as its own answer tells it; compare it once with what others know of the log."""
    told = json.loads(file.read_text(encoding="utf-8"))
    return Log(str(told["origin"]), int(told["chain_id"]), str(told["contract"]))


def _refused(error: Exception) -> typer.Exit:
    if isinstance(error, ValidationError):
        for slip in error.errors():
            field = ".".join(str(part) for part in slip["loc"])
            errors.print(f"{field}: {slip['msg']}", markup=False)
    else:
        missing = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        errors.print(missing, markup=False)
    return typer.Exit(2)
