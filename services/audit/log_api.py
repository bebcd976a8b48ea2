"""The log as any reader of transparency logs knows it (C2SP tlog-tiles, tlog-proof); no sign-in."""

import gzip
import hashlib
import re
from uuid import UUID

from fastapi import APIRouter, Request, Response

from ledger.tiles import TilePathRefused, parse_path, parse_position
from ledger.tlog_proof import TlogProof, evidence_bytes
from services.audit import dump_api, reading, service
from services.audit.reading import NoSuchTile
from services.errors import InvalidInput
from services.web.head import is_known
from services.web.http import DatabaseSession

router = APIRouter(prefix="/log", tags=["log"])
router.include_router(dump_api.router)

_TEXT = "text/plain; charset=utf-8"
_BYTES = "application/octet-stream"
# What a path of a tile names is the same for ever.
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_ASK_AGAIN = {"Cache-Control": "no-cache"}
_INDEX = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)


class _Bytes(Response):
    media_type = _BYTES


class _Text(Response):
    media_type = _TEXT


@router.get("/checkpoint", response_class=_Text)
def show_checkpoint(request: Request, session: DatabaseSession) -> Response:
    """The newest anchored tree: a signed note (C2SP tlog-checkpoint), with its cosignatures."""
    note = service.newest_note(session)
    tag = f'"{hashlib.sha256(note.encode()).hexdigest()[:32]}"'
    headers = {**_ASK_AGAIN, "ETag": tag}
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    return _Text(note, headers=headers)


# Before the tiles' route, which would take "entries" for a level.
@router.get("/tile/entries/{position:path}", response_class=_Bytes)
def show_entries(position: str, request: Request, session: DatabaseSession) -> Response:
    """An entry bundle, `<N>[.p/<W>]`: each record as its length in two bytes and its bytes."""
    try:
        tile = parse_position(position)
    except TilePathRefused as error:
        raise _no_tile(f"entries/{position}", error) from error
    data = reading.bundle_bytes(session, tile)
    headers = {**_FOR_EVER, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        data = gzip.compress(data, mtime=0)
    return _Bytes(data, headers=headers)


@router.get("/tile/{path:path}", response_class=_Bytes)
def show_tile(path: str, session: DatabaseSession) -> Response:
    """A tile, `<L>/<N>[.p/<W>]`: up to 256 hashes of 32 bytes, one after another."""
    try:
        tile = parse_path(path)
    except TilePathRefused as error:
        raise _no_tile(path, error) from error
    return _Bytes(reading.tile_bytes(session, tile), headers=_FOR_EVER)


@router.get("/proof/{leaf}", response_class=_Text)
def show_proof(leaf: str, session: DatabaseSession) -> Response:
    """That a record is in the log, as C2SP tlog-proof: of a leaf's index, or of an entry's id.

    The `extra` line tells where on the chain the tree's root stands.
    """
    if _INDEX.fullmatch(leaf):
        receipt = service.receipt_of_leaf(session, int(leaf))
    else:
        receipt = service.receipt_of(session, _entry_id(leaf))
    assert receipt.checkpoint is not None
    assert receipt.chain is not None
    extra = evidence_bytes(receipt.chain)
    proof = TlogProof(receipt.leaf_index, receipt.inclusion_path, receipt.checkpoint, extra)
    return _Text(proof.encode(), headers=_ASK_AGAIN)


def _no_tile(path: str, error: TilePathRefused) -> NoSuchTile:
    return NoSuchTile(
        f"{error}", field="tile", value=path, mend="see C2SP tlog-tiles for how tiles are named"
    )


def _entry_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidInput(
            f"{text[:60]!r} is neither a leaf's index nor an entry's id",
            field="leaf",
            value=text,
            mend="give a number like 42, or an id like 7f9c24e8-3b12-4bce-a8a3-0f1b7c1f4c11",
        ) from error
