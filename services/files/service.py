"""Keeping files by content hash, attaching them to papers, and handing them out again.

Who may see a file is who may see the paper that it is attached to: the desks ask before they call
`open_attachment`. What a file is, is told by its first bytes, never by its name.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from unicodedata import category, normalize
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select
from starlette.responses import Response

from services.database import among
from services.errors import DomainError, InvalidInput, NotFound
from services.files.models import Attachment, StoredFile
from services.parties.service import Actor
from services.web.forms import Upload

MAX_FILE_BYTES = 5 * 2**20
MAX_ATTACHED = 20
_LONGEST_NAME = 120
# The first bytes of what may be kept (PDF 32000-1, RFC 2083, ITU-T T.81).
_MAGIC = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
}


class FileTooLarge(DomainError):
    code, status, title = "file-too-large", 413, "This file is too large"


class FileForgotten(DomainError):
    code, status, title = "file-forgotten", 410, "This file was deleted for good"


class UnknownFileType(InvalidInput):
    code, title = "unknown-file-type", "Files of this kind aren't kept"


def attach(
    session: Session, actor: Actor, subject: str, kind: str, upload: Upload, *, field: str = "file"
) -> Attachment:
    """Keep a file beside a subject; the same bytes for the same subject and kind are one.

    Raises:
        FileTooLarge: more than five megabytes.
        FileForgotten: these very bytes were deleted for good, since they showed somebody.
        UnknownFileType: neither PDF, PNG, JPEG nor plain UTF-8 text such as CSV.
        InvalidInput: nothing in it, or too many files beside this subject already.

    """
    named = Upload(_clean_name(upload.name), upload.content)
    sha256 = _keep(session, named, field)
    values = Attachment(
        subject=subject,
        kind=kind,
        sha256=sha256,
        name=named.name,
        attached_by=actor.user_id,
        attached_at=datetime.now(UTC),
    ).model_dump(exclude={"sequence"})
    session.connection().execute(insert(Attachment).values(**values).on_conflict_do_nothing())
    beside = attachments_of(session, [subject])[subject]
    if len(beside) > MAX_ATTACHED:
        raise InvalidInput(
            f"{subject} has {MAX_ATTACHED} files already", field=field, mend="leave this one out"
        )
    return next(each for each in beside if (each.kind, each.sha256) == (kind, sha256))


def _keep(session: Session, upload: Upload, field: str) -> str:
    if not upload.content:
        raise InvalidInput(
            "The file is empty", field=field, value=upload.name, mend="choose the file again"
        )
    if len(upload.content) > MAX_FILE_BYTES:
        raise FileTooLarge(
            f"{upload.name} has {len(upload.content)} bytes",
            field=field,
            value=upload.name,
            mend=f"send at most {MAX_FILE_BYTES} bytes; a smaller scan or photograph will do",
        )
    sha256 = hashlib.sha256(upload.content).hexdigest()
    row = StoredFile(
        sha256=sha256,
        media_type=_media_type(upload, field),
        size_bytes=len(upload.content),
        content=upload.content,
        kept_at=datetime.now(UTC),
    )
    session.connection().execute(
        insert(StoredFile).values(**row.model_dump()).on_conflict_do_nothing()
    )
    kept = select(StoredFile.sha256).where(
        StoredFile.sha256 == sha256, col(StoredFile.content).is_not(None)
    )
    if session.exec(kept).first() is None:
        raise FileForgotten(
            f"{upload.name} is a file that was deleted for good",
            field=field,
            value=upload.name,
            mend="choose another file, or send none",
        )
    return sha256


def _media_type(upload: Upload, field: str) -> str:
    for magic, media_type in _MAGIC.items():
        if upload.content.startswith(magic):
            return media_type
    try:
        text = upload.content.decode()
    except UnicodeDecodeError:
        text = "\x00"
    if any(category(letter) == "Cc" and letter not in "\t\r\n" for letter in text):
        raise UnknownFileType(
            f"{upload.name} is neither PDF, PNG, JPEG nor plain text",
            field=field,
            value=upload.name,
            mend="send a PDF, PNG or JPEG, or CSV and text in UTF-8",
        )
    return "text/csv" if upload.name.lower().endswith(".csv") else "text/plain"


def _clean_name(name: str) -> str:
    """The last part of a path, without what no file name needs."""
    last = re.split(r"[/\\]", normalize("NFC", name))[-1]
    kept = "".join(letter for letter in last if category(letter)[0] != "C").strip()
    return kept[-_LONGEST_NAME:] or "file"


def attachments_of(session: Session, subjects: Iterable[str]) -> dict[str, list[Attachment]]:
    """The files beside each subject, oldest first."""
    found: dict[str, list[Attachment]] = defaultdict(list)
    statement = (
        select(Attachment)
        .where(among(Attachment.subject, subjects))
        .order_by(col(Attachment.sequence))
    )
    for attachment in session.exec(statement):
        found[attachment.subject].append(attachment)
    return found


def open_attachment(session: Session, subject: str, sha256: str) -> Response:
    """A file beside a subject, to be saved: never shown as a page of this site.

    Raises:
        NotFound: no such file is attached to it.
        FileForgotten: there was one.

    """
    statement = select(Attachment, StoredFile).where(
        Attachment.subject == subject,
        Attachment.sha256 == sha256,
        Attachment.sha256 == StoredFile.sha256,
    )
    found = session.exec(statement).first()
    if found is None:
        raise NotFound(f"{subject} has no such file", field="sha256", value=sha256)
    attachment, kept = found
    if kept.content is None:
        raise FileForgotten(f"The file {sha256} was deleted for good")
    return Response(
        kept.content,
        media_type=kept.media_type,
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(attachment.name)}",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "ETag": f'"{sha256}"',
        },
    )


def forget_files(session: Session, subject: str, kind: str) -> int:
    """Delete what files of one kind beside a subject show, for good; how many there were.

    Their bytes go, wherever else they are attached, and their names here; their hashes stay.
    """
    beside = [each for each in attachments_of(session, [subject])[subject] if each.kind == kind]
    shown = sa.update(StoredFile).where(
        among(StoredFile.sha256, {each.sha256 for each in beside}),
        col(StoredFile.content).is_not(None),
    )
    forgotten = session.connection().execute(
        shown.values(content=None).returning(col(StoredFile.sha256))
    )
    for each in beside:
        each.name = ""
    session.flush()
    return len(forgotten.all())
