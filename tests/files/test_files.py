"""Files are kept by what they contain, told by their first bytes, and handed out as downloads."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, col, func, select

from services.database import Database
from services.errors import DomainError, InvalidInput, NotFound
from services.files import service
from services.files.models import Attachment, StoredFile
from services.files.service import MAX_ATTACHED, MAX_FILE_BYTES, FileTooLarge, UnknownFileType
from services.parties.models import Role
from services.parties.service import Actor
from services.web.forms import Upload
from tests.world import user_id

PDF = b"%PDF-1.7\nwhatever"
MAKER = Actor(user_id("maker"), "maker", Role.MANUFACTURER, "MAKER")
SUBJECT = "production:1"


def attach(session: Session, name: str = "a.pdf", content: bytes = PDF, **more: str) -> Attachment:
    upload = Upload(name, content)
    subject, kind = more.get("subject", SUBJECT), more.get("kind", "certificate")
    return service.attach(session, MAKER, subject, kind, upload)


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.pdf", PDF, "application/pdf"),
        ("a.txt", b"\x89PNG\r\n\x1a\nrest", "image/png"),
        ("photo", b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        ("readings.CSV", "时间,温度\r\n".encode(), "text/csv"),
        ("page.html", b"<script>alert(1)</script>", "text/plain"),
        ("a.pdf", b"not a pdf", "text/plain"),
    ],
)
def test_what_a_file_is_is_told_by_its_bytes(
    session: Session, name: str, content: bytes, media_type: str
) -> None:
    kept = attach(session, name, content)
    assert kept.sha256 == hashlib.sha256(content).hexdigest()
    answer = service.open_attachment(session, SUBJECT, kept.sha256)
    assert answer.body == content
    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", InvalidInput),
        (b"MZ\x90\x00\x03", UnknownFileType),
        (b"PK\x03\x04rest", UnknownFileType),
        (b"text with\x00 a NUL", UnknownFileType),
        (b"\x1b[31mred", UnknownFileType),
        ("高温".encode("gb18030"), UnknownFileType),
        (b"%PDF-" + bytes(MAX_FILE_BYTES), FileTooLarge),
    ],
)
def test_what_cant_be_kept_is_refused_by_its_clean_name(
    session: Session, content: bytes, error: type[DomainError]
) -> None:
    with pytest.raises(error) as refused:
        attach(session, "C:\\scans\\a\x00\ud800b.pdf", content)
    assert (refused.value.field, refused.value.value) == ("file", "ab.pdf")
    assert refused.value.mend
    refused.value.detail.encode()
    assert session.exec(select(func.count()).select_from(StoredFile)).one() == 0


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\证书.pdf", "证书.pdf"),
        ("be\u0301.pdf", "b\u00e9.pdf"),
        ("safe\u202efdp.exe", "safefdp.exe"),
        ('a"b;c.pdf', 'a"b;c.pdf'),
        ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie: x.pdf"),
        ("/", "file"),
        ("n" * 300 + ".pdf", "n" * 116 + ".pdf"),
    ],
)
def test_a_name_is_its_last_part_alone(session: Session, name: str, kept: str) -> None:
    attached = attach(session, name)
    assert attached.name == kept
    header = service.open_attachment(session, SUBJECT, attached.sha256).raw_headers
    [disposition] = [value for key, value in header if key == b"content-disposition"]
    assert not set(disposition.decode()) & set('"\r\n\x00')


@given(name=st.text(max_size=200))
def test_no_name_breaks_the_header(name: str) -> None:
    clean = service._clean_name(name)
    assert 0 < len(clean) <= 120
    assert not set(clean) & set("/\\\r\n\x00")
    clean.encode()


def test_the_same_bytes_are_kept_once_and_attached_once(session: Session) -> None:
    first = attach(session, "first.pdf")
    assert attach(session, "again.pdf").sequence == first.sequence
    assert attach(session, kind="photo").sequence != first.sequence
    attach(session, subject="production:2")
    assert session.exec(select(func.count()).select_from(StoredFile)).one() == 1
    beside = service.attachments_of(session, [SUBJECT, "production:2", "production:3"])
    assert [each.name for each in beside[SUBJECT]] == ["first.pdf", "a.pdf"]
    assert len(beside["production:2"]) == 1
    assert beside["production:3"] == []


def test_a_file_is_opened_beside_its_own_paper_alone(session: Session) -> None:
    kept = attach(session)
    for subject, sha256 in (("production:2", kept.sha256), (SUBJECT, "0" * 64)):
        with pytest.raises(NotFound):
            service.open_attachment(session, subject, sha256)


def test_a_paper_has_so_many_files_at_most(session: Session) -> None:
    kept = [attach(session, content=PDF + bytes([65 + at])) for at in range(MAX_ATTACHED)]
    with pytest.raises(InvalidInput, match="has 20 files"), session.begin_nested():
        attach(session, content=PDF + b"more")
    assert attach(session, content=PDF + b"A").sequence == kept[0].sequence
    assert len(service.attachments_of(session, [SUBJECT])[SUBJECT]) == MAX_ATTACHED


def test_two_at_once_keep_it_once(database: Database) -> None:
    def keep(_: int) -> int:
        with database.transaction() as session:
            return attach(session).sequence

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(keep, range(2))
    assert first == second
    with database.transaction() as session:
        assert session.exec(select(col(StoredFile.size_bytes))).all() == [len(PDF)]
