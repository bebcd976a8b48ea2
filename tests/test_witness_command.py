"""`medrelay witness` against a real log over its own pages, and against logs that lie."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from ledger.checkpoint import Checkpoint, VerifierKey, WitnessKey, parse, sign, verify_cosignature
from ledger.keys import load_or_create_secret, signing_key
from ledger.verify import OutOfReach
from services import cli, witness_command
from services.audit import verifier_api
from services.database import Database
from services.jobs.log import LogWriter
from services.settings import Settings
from tests.pristine import PristineDatabase
from tests.world import stock

URL = "http://log.example"
Answer = Callable[[str, bytes | None], bytes]


class Watch:
    """A log behind its own HTTP routes, and a witness of it with its files in a folder."""

    def __init__(
        self, api: TestClient, database: Database, settings: Settings, folder: Path
    ) -> None:
        self.api, self.database, self.folder = api, database, folder
        self.settings = settings
        self.lie: dict[str, bytes] = {}
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
        if path in self.lie:
            return self.lie[path]
        if body is None:
            answer = self.api.get(path)
        else:
            answer = self.api.post(path, content=body, headers={"Content-Type": "application/json"})
        if answer.status_code != 200:
            raise OutOfReach(f"{url} can't be read: {answer.status_code}")
        return answer.content

    @property
    def state(self) -> Path:
        return self.folder / "state.txt"

    def look(self, *more: str) -> tuple[int, str]:
        arguments = ["witness", "--log", URL + "/", "--vkey", self.vkey, "--once"]
        arguments += ["--key", str(self.folder / "witness.key"), "--state", str(self.state)]
        result = CliRunner().invoke(cli.app, [*arguments, "--name", self.key.name, *more])
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


@pytest.mark.parametrize("tile", [b"", b"short", bytes(33)])
def test_a_broken_tile_changes_nothing(watch: Watch, tile: bytes) -> None:
    watch.grow("second")
    watch.look()
    kept = watch.state.read_text()
    watch.grow("third", "fourth")
    size = parse(watch.api.get("/log/checkpoint").text).size
    watch.lie = {f"/log/tile/0/000.p/{width}": tile for width in range(1, size + 1)}
    assert watch.look()[0] == 3
    assert watch.state.read_text() == kept


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
