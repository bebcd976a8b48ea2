"""`medrelay witness` against a real log over its own pages, and against logs that lie."""

import json
from collections.abc import Callable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.error import HTTPError

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from ledger.checkpoint import Checkpoint, VerifierKey, WitnessKey, parse, sign, verify_cosignature
from ledger.keys import load_or_create_secret, signing_key
from ledger.verify import OutOfReach
from ledger.witness import GrowthNotShown
from services import cli, witness_command
from services.audit import verifier_api
from services.database import Database
from services.jobs.log import LogWriter
from services.settings import Settings
from services.witness_command import RemoteLog
from tests.pristine import PristineDatabase
from tests.world import stock

URL = "http://log.example"
Answer = Callable[[str, bytes | None], bytes]


def status(code: int) -> HTTPError:
    """What urllib raises at an answer with this status."""
    return HTTPError(URL, code, "told so", Message(), None)


class Watch:
    """A log behind its own HTTP routes, and a witness of it with its files in a folder."""

    def __init__(
        self, api: TestClient, database: Database, settings: Settings, folder: Path
    ) -> None:
        self.api, self.database, self.folder = api, database, folder
        self.settings = settings
        self.lie: dict[str, bytes] = {}
        self.tiles_fail: Exception | None = None
        self.log_key = signing_key(load_or_create_secret(settings.data_dir / "keys" / "log.key"))
        self.vkey = VerifierKey(settings.log_origin, self.log_key.public_key()).encode()
        secret = signing_key(load_or_create_secret(folder / "witness.key"))
        self.key = WitnessKey("witness.example/w1", secret.public_key())
        self.writer = LogWriter(settings, database)

    def grow(self, *keys: str) -> None:
        with self.database.transaction() as session:
            for key in keys:
                stock(session, key=key)
        self.writer.run_once()

    def fetch(self, url: str, body: bytes | None = None) -> bytes:
        path = url.removeprefix(URL)
        if self.tiles_fail is not None and path.startswith("/log/tile/"):
            raise OutOfReach(f"{url} can't be read: {self.tiles_fail}") from self.tiles_fail
        if path in self.lie:
            return self.lie[path]
        if body is None:
            answer = self.api.get(path)
        else:
            answer = self.api.post(path, content=body, headers={"Content-Type": "application/json"})
        if answer.status_code != 200:
            raise OutOfReach(f"{url} can't be read") from status(answer.status_code)
        return answer.content

    @property
    def state(self) -> Path:
        return self.folder / "state.txt"

    def look(self, *more: str, once: bool = True, named: bool = True) -> tuple[int, str]:
        arguments = ["witness", "--log", URL + "/", "--vkey", self.vkey, *["--once"] * once]
        arguments += ["--key", str(self.folder / "witness.key"), "--state", str(self.state)]
        arguments += ["--name", self.key.name] if named else []
        result = CliRunner().invoke(cli.app, [*arguments, *more])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result.exit_code, " ".join(result.output.split())

    def evidence(self) -> dict[str, str]:
        [path] = self.folder.glob("state.txt.evidence-*.json")
        found: dict[str, str] = json.loads(path.read_text())
        return found

    def show(self, size: int, root: bytes) -> str:
        """Have the log show another tree, signed by its own key."""
        note = sign(Checkpoint(self.settings.log_origin, size, root), self.key_name, self.log_key)
        self.lie["/log/checkpoint"] = note.encode()
        return note

    @property
    def key_name(self) -> str:
        return self.settings.log_origin


@pytest.fixture
def watch(
    api: TestClient,
    database: Database,
    pristine: PristineDatabase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Watch:
    data_dir = tmp_path / "data"
    pristine.lay_out_log(data_dir)
    folder = tmp_path / "witness"
    watch = Watch(api, database, Settings(data_dir=data_dir), folder)
    known = watch.settings.model_copy(update={"witness_keys": (watch.key.encode(),)})
    monkeypatch.setattr(verifier_api, "get_settings", lambda: known)
    monkeypatch.setattr(witness_command, "fetch", watch.fetch)
    watch.grow("first")
    return watch


def test_a_growing_log_is_cosigned_and_gives_the_cosignature_out(watch: Watch) -> None:
    code, told = watch.look()
    assert (code, "for the first time" in told) == (0, True)
    assert f"This witness's key: {watch.key.encode()}" in told
    watch.grow("second", "third", "fourth")
    code, told = watch.look()
    assert (code, "Grown by 3, nothing changed" in told) == (0, True)
    served = watch.api.get("/log/checkpoint").text
    assert verify_cosignature(served, watch.key).line in watch.state.read_text()
    before = watch.state.read_text()
    assert watch.look()[0] == 0
    assert watch.state.read_text() == before
    assert watch.api.get("/log/checkpoint").text == served


def test_a_log_that_does_not_know_the_witness_is_watched_all_the_same(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier_api, "get_settings", Settings)
    code, told = watch.look()
    assert (code, "the log didn't take it" in told) == (0, True)
    assert "MEDRELAY_WITNESS_KEYS" in told
    assert verify_cosignature(watch.state.read_text(), watch.key)


def refused(watch: Watch, shown: str, what: str) -> None:
    kept = watch.state.read_text()
    code, told = watch.look()
    assert (code, f"{what}: NOT COSIGNED" in told) == (1, True), told
    assert watch.state.read_text() == kept
    found = watch.evidence()
    assert (found["what"], found["kept"], found["shown"]) == (what, kept, shown)


def test_two_roots_at_one_size_are_a_fork(watch: Watch) -> None:
    watch.look()
    size = parse(watch.state.read_text()).size
    refused(watch, watch.show(size, bytes(32)), "LogForked")


def test_a_changed_past_is_a_fork(watch: Watch) -> None:
    watch.look()
    before = parse(watch.state.read_text())
    watch.grow("second", "third")
    refused(watch, watch.show(before.size + 2, bytes(32)), "LogForked")


def test_fewer_leaves_are_a_roll_back(watch: Watch) -> None:
    watch.grow("second", "third")
    watch.look()
    size = parse(watch.state.read_text()).size
    refused(watch, watch.show(size - 1, bytes(32)), "LogRolledBack")


def test_a_forked_log_is_told_again_at_every_look(watch: Watch) -> None:
    watch.look()
    watch.show(parse(watch.state.read_text()).size, bytes(32))
    assert [watch.look()[0] for _ in range(3)] == [1, 1, 1]
    watch.lie.clear()
    assert watch.look()[0] == 0


@pytest.fixture
def grown(watch: Watch) -> Watch:
    """A log of which the witness has seen less than it shows now."""
    watch.grow("second")
    watch.look()
    watch.grow("third", "fourth")
    return watch


@pytest.mark.parametrize("tile", [b"", b"short", bytes(33), bytes(256 * 32)])
def test_growth_with_a_broken_tile_is_not_shown(grown: Watch, tile: bytes) -> None:
    shown = grown.api.get("/log/checkpoint").text
    grown.lie = {f"/log/tile/0/000.p/{width}": tile for width in range(1, parse(shown).size + 1)}
    refused(grown, shown, "GrowthNotShown")


@pytest.mark.parametrize("code", [302, 400, 403, 404, 410, 429, 499])
def test_growth_without_its_tiles_is_not_shown(grown: Watch, code: int) -> None:
    grown.tiles_fail = status(code)
    refused(grown, grown.api.get("/log/checkpoint").text, "GrowthNotShown")


def test_a_size_that_the_log_has_no_tiles_of_is_not_shown(watch: Watch) -> None:
    watch.look()
    size = parse(watch.state.read_text()).size
    refused(watch, watch.show(size + 1000, bytes(32)), "GrowthNotShown")


def test_a_tile_without_an_end_is_no_proof(grown: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(url: str, body: bytes | None = None) -> bytes:
        if "/log/tile/" in url:
            raise OutOfReach(f"{url} answers with more than 9 bytes")
        return grown.fetch(url, body)

    monkeypatch.setattr(witness_command, "fetch", endless)
    refused(grown, grown.api.get("/log/checkpoint").text, "GrowthNotShown")


@pytest.mark.parametrize(
    "failure", [status(500), status(503), TimeoutError("timed out"), ConnectionResetError("reset")]
)
def test_tiles_out_of_reach_are_no_verdict(grown: Watch, failure: Exception) -> None:
    kept = grown.state.read_text()
    grown.tiles_fail = failure
    code, told = grown.look()
    assert (code, "Not seen" in told, "NOT COSIGNED" in told) == (3, True, False)
    assert grown.state.read_text() == kept
    assert not list(grown.folder.glob("*evidence*"))
    grown.tiles_fail = None
    assert grown.look()[0] == 0


def test_growth_not_shown_is_told_at_each_look_and_kept_once(
    grown: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            grown.tiles_fail = None
        if len(pauses) == 4:
            raise SystemExit(7)

    monkeypatch.setattr("services.witness_command.time.sleep", sleep)
    grown.tiles_fail = status(404)
    code, told = grown.look("--every", "5", once=False)
    assert (code, pauses) == (7, [5, 5, 5, 5])
    assert told.count("GrowthNotShown: NOT COSIGNED") == 3
    assert told.count("Grown by 2") == 1
    assert grown.evidence()["what"] == "GrowthNotShown"


def test_a_fork_ends_the_watch(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.witness_command.time.sleep", lambda _: pytest.fail("it went on"))
    watch.look()
    watch.show(parse(watch.state.read_text()).size, bytes(32))
    assert watch.look("--every", "5", once=False)[0] == 1


class _Tileless(BaseHTTPRequestHandler):
    """A log that answers each request with the status that its path begins with."""

    def do_GET(self) -> None:
        self.send_error(int(self.path.split("/")[1]))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base's name
        """Say nothing."""


def refusal(url: str) -> Exception:
    """What asking for growth ends with, its connection closed."""
    with pytest.raises((GrowthNotShown, OutOfReach)) as caught:
        RemoteLog(url).growth("kept", "shown", 1, 2)
    below: BaseException | None = caught.value
    while below is not None:
        if isinstance(below, HTTPError):
            below.close()
        below = below.__cause__
    return caught.value


def test_over_http_a_refusal_is_told_from_a_log_that_is_away() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Tileless) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        for code in (404, 403):
            withheld = refusal(f"{url}/{code}")
            assert isinstance(withheld, GrowthNotShown)
            assert (withheld.kept, withheld.shown) == ("kept", "shown")
            assert str(code) in withheld.why
        assert isinstance(refusal(f"{url}/503"), OutOfReach)
        server.shutdown()
    assert isinstance(refusal(f"{url}/404"), OutOfReach)


@pytest.mark.parametrize(
    "shown", [b"", b"no note", b"\xff", b"one\n2\nthree\n\n\xe2\x80\x94 x y\n"]
)
def test_what_is_no_checkpoint_is_neither_kept_nor_cosigned(watch: Watch, shown: bytes) -> None:
    watch.lie["/log/checkpoint"] = shown
    assert watch.look()[0] in {2, 3}
    assert not watch.state.exists()


def test_a_checkpoint_of_another_key_is_not_believed(watch: Watch) -> None:
    watch.look()
    kept = watch.state.read_text()
    watch.log_key = signing_key(bytes(32))
    watch.show(10, bytes(32))
    code, told = watch.look()
    assert (code, "Neither cosigned nor kept" in told) == (2, True)
    assert watch.state.read_text() == kept


@pytest.mark.parametrize("state", ["", "nonsense", "\x00"])
def test_a_state_that_was_damaged_is_never_started_over(watch: Watch, state: str) -> None:
    watch.folder.mkdir(exist_ok=True)
    watch.state.write_text(state)
    assert watch.look()[0] == 2
    assert watch.state.read_text() == state


def test_a_log_out_of_reach_is_no_verdict(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(url: str, body: bytes | None = None) -> bytes:
        raise OutOfReach(f"{url} can't be read")

    monkeypatch.setattr(witness_command, "fetch", away)
    code, told = watch.look()
    assert (code, "Not seen" in told) == (3, True)


def test_keys_that_are_none_are_refused(watch: Watch) -> None:
    assert watch.look("--vkey", "nonsense")[0] == 2
    assert watch.look("--vkey", watch.key.encode())[0] == 2
    assert watch.look("--name", "with spaces")[0] == 2
    (watch.folder / "witness.key").chmod(0o644)
    code, told = watch.look()
    assert (code, "chmod 600" in told) == (2, True)
    assert not watch.state.exists()


def test_a_name_that_was_given_once_is_remembered(watch: Watch) -> None:
    watch.look()
    kept = watch.state.read_text()
    code, told = watch.look(named=False)
    assert (code, f"key: {watch.key.encode()}" in told) == (0, True)
    assert watch.state.read_text() == kept
    watch.grow("more")
    assert watch.look(named=False)[0] == 0
    assert verify_cosignature(watch.state.read_text(), watch.key).name == watch.key.name


def test_without_a_name_a_new_key_is_not_taken_for_another_witness(watch: Watch) -> None:
    watch.look()
    kept = watch.state.read_text()
    (watch.folder / "witness.key").unlink()
    code, told = watch.look(named=False)
    assert (code, "Give --name" in told) == (2, True)
    assert watch.state.read_text() == kept
    assert watch.look()[0] == 0


def test_a_witness_that_never_had_a_name_keeps_the_one_of_its_key(watch: Watch) -> None:
    told = [watch.look(named=False)[1] for _ in range(2)]
    assert all("medrelay-witness/" in each for each in told)
    assert told[0].split()[:4] == told[1].split()[:4]


@pytest.mark.parametrize("state", ["", "nonsense", "\udcff", "— witness.example/w1 x\n"])
def test_a_damaged_state_tells_no_name(watch: Watch, state: str) -> None:
    watch.folder.mkdir(exist_ok=True)
    watch.state.write_bytes(state.encode("utf-8", "surrogateescape"))
    before = watch.state.read_bytes()
    assert watch.look(named=False)[0] == 2
    assert watch.state.read_bytes() == before
