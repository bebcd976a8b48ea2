"""Forms and files as multipart/form-data: read as they are, and refused in words when broken."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.web.forms import MAX_FIELDS, MAX_FILES, SentFile, SentForm
from services.web.http import install_error_handlers
from services.web.limits import MAX_UPLOAD_BYTES, LimitBody

BOUNDARY = "x1x2"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = FastAPI()
    install_error_handlers(app)
    app.add_middleware(LimitBody)

    @app.post("/form")
    def form(form: SentForm) -> dict[str, object]:
        files = {key: [file.name, len(file.content)] for key, file in form.files.items()}
        return {"values": form.values, "files": files}

    @app.post("/file")
    def file(file: SentFile) -> list[str | int]:
        return [file.name, len(file.content)]

    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def part(head: str, body: bytes = b"content") -> bytes:
    return (
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + body + b"\r\n"
    )


END = f"--{BOUNDARY}--\r\n".encode()
KIND = f"multipart/form-data; boundary={BOUNDARY}"


def test_a_form_brings_values_and_files(client: TestClient) -> None:
    body = part('name="needs[0].item"', "手套".encode()) + part('name="note"', b"")
    body += part('name="paper"; filename="证书.pdf"', b"%PDF-1")
    body += part('name="empty"; filename=""', b"") + END
    answer = client.post("/form", content=body, headers={"Content-Type": KIND})
    assert answer.json() == {
        "values": {"needs[0].item": "手套", "note": ""},
        "files": {"paper": ["证书.pdf", 6]},
    }


def test_a_form_without_files_is_read_alike(client: TestClient) -> None:
    answer = client.post("/form", data={"a": "1"})
    assert answer.json() == {"values": {"a": "1"}, "files": {}}


def test_a_program_sends_one_part_named_file(client: TestClient) -> None:
    assert client.post("/file", files={"file": ("a.csv", b"1,2")}).json() == ["a.csv", 3]


@pytest.mark.parametrize(
    "sent",
    [
        {"files": {"other": ("a.csv", b"1,2")}},
        {"data": {"file": "no file"}},
        {"files": {"file": ("", b"1,2")}},
    ],
)
def test_a_missing_file_is_told(client: TestClient, sent: dict[str, dict[str, str]]) -> None:
    answer = client.post("/file", **sent)  # type: ignore[arg-type]
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == "file"
    assert "named file" in answer.json()["errors"][0]["mend"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", part('name="a"') + END),
        (KIND, b"no boundary at all"),
        (KIND, part('name="a"').replace(b"\r\n", b"\n")),
        (KIND, part("nothing") + END),
        (KIND, b"--x1x2\r\n\xff\xfe: \x00\r\n\r\n" + END),
        (f"{KIND}; charset=unicode_escape", part('name="a"', b"\\ud800") + END),
        (f"{KIND}; charset=idna", part('name="a"', b"xn--") + END),
        (f"{KIND}; charset=utf-7", part('name="a"; filename="+2AA-"') + END),
        (KIND, b"".join(part(f'name="a{n}"; filename="a"') for n in range(MAX_FILES + 1)) + END),
        (KIND, b"".join(part(f'name="a{n}"') for n in range(MAX_FIELDS + 1)) + END),
        (KIND, part('name="a"', bytes(1_000_001)) + END),
        ("text/plain", b"a=1"),
        ("", b"a=1"),
    ],
)
def test_a_broken_form_is_refused_in_words(client: TestClient, kind: str, body: bytes) -> None:
    answer = client.post("/form", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "JSON" not in answer.text


@pytest.mark.parametrize("kind", ["multipart/form-data", "Multipart/Form-Data"])
def test_files_may_be_larger_than_other_bodies(client: TestClient, kind: str) -> None:
    headers = {"Content-Type": f"{kind}; boundary={BOUNDARY}"}
    five = part('name="file"; filename="a.txt"', b"a" * 5 * 2**20) + END
    assert client.post("/file", content=five, headers=headers).json() == ["a.txt", 5 * 2**20]
    seven = part('name="file"; filename="a.txt"', b"a" * (MAX_UPLOAD_BYTES + 1)) + END
    refused = client.post("/file", content=seven, headers=headers)
    assert refused.status_code == 413
    streamed = client.post("/file", content=iter([seven]), headers=headers)
    assert streamed.status_code == 413
