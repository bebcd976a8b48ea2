"""What a stranger takes from the log's site to check it alone, and what a witness brings."""

import hashlib
from pathlib import Path

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from ledger import verify
from services.audit.cosignatures import keep_cosignature
from services.settings import get_settings
from services.web.http import DatabaseSession, Input, Text, example

router = APIRouter(prefix="/log", tags=["log"])

VERIFIER = Path(verify.__file__).read_bytes()
VERIFIER_SHA256 = hashlib.sha256(VERIFIER).hexdigest()
_ASK_AGAIN = {"Cache-Control": "no-cache"}


class CosignatureIn(Input):
    """A cosignature line (C2SP tlog-cosignature, cosignature/v1) of the checkpoint of a size."""

    size: int = Field(strict=True, ge=0, le=2**63 - 1)
    line: Text = Field(min_length=1)

    model_config = example(
        size=1234,
        line="— witness.example/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJ"
        "sX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==",
    )


class CosignatureOut(BaseModel):
    """Whose cosignature it is, and the time that it was made, in POSIX seconds."""

    size: int
    witness: str
    time_s: int


@router.get("/verify.py", response_class=Response)
def show_verifier() -> Response:
    """The verifier as one file: Python's standard library and `cryptography`, nothing of ours."""
    headers = {**_ASK_AGAIN, "Content-Disposition": 'attachment; filename="verify.py"'}
    return Response(VERIFIER, media_type="text/x-python; charset=utf-8", headers=headers)


@router.get("/verify.py.sha256", response_class=Response)
def show_verifiers_digest() -> Response:
    """The verifier's SHA-256, in the form that `sha256sum --check` reads."""
    line = f"{VERIFIER_SHA256}  verify.py\n"
    return Response(line, media_type="text/plain; charset=utf-8", headers=_ASK_AGAIN)


@router.post("/cosignature")
def keep(body: CosignatureIn, session: DatabaseSession) -> CosignatureOut:
    """Bring a witness's cosignature; it is given out with the checkpoint and its receipts.

    Only the witnesses in the operator's settings are kept, one line each for each checkpoint.
    """
    found = keep_cosignature(session, get_settings(), body.size, body.line)
    return CosignatureOut(size=body.size, witness=found.name, time_s=found.time_s)
