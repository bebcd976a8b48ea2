"""Keys are changed by a command, the log says so, and a change that was killed is ended."""

import re
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from ledger.canonical import parse
from ledger.chain import ChainLocked
from ledger.checkpoint import NoteRefused, VerifierKey, sign_note, verify, verify_note
from ledger.embedded import EmbeddedChain
from ledger.keys import KeyFileRefused, KeyRefused, load_secret, next_path, old_path, signing_key
from services import keys_command
from services.audit.anchoring import log_keys
from services.audit.anchoring_models import LogKey
from services.audit.service import newest_checkpoint
from services.database import Database
from services.jobs import keys as changing
from services.jobs import log_chain
from services.jobs.check import check_everything
from services.jobs.keys import Changed, last_word, rotate_log_key, rotate_submitter
from services.jobs.log import LogWriter
from services.jobs.log_chain import WrongContract, log_key_path, submitter_path
from services.jobs.log_key_check import check_log_keys
from services.journal.models import Entry
from services.settings import Settings
from tests.world import stock

Rotate = Callable[[Settings, Database], Changed]


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path / "data")
    grow(settings, database, "before")
    return settings


def grow(settings: Settings, database: Database, name: str) -> int:
    with database.transaction() as session:
        stock(session, key=name)
    with closing(LogWriter(settings, database)) as writer:
        return writer.run_once()


def demand_well(settings: Settings, database: Database) -> None:
    with (
        closing(EmbeddedChain(settings.data_dir / "chain", read_only=True)) as chain,
        database.transaction() as session,
    ):
        assert list(check_everything(session, chain)) == []


def entry(database: Database, changed: Changed) -> dict[str, object]:
    with database.transaction() as session:
        facts = dict(parse(session.get_one(Entry, changed.entry_id).body))["facts"]
    assert isinstance(facts, dict)
    return dict(facts)


def test_a_new_submitter_appends_and_the_old_one_can_not(
    settings: Settings, database: Database
) -> None:
    old = load_secret(submitter_path(settings))
    changed = rotate_submitter(settings, database)
    assert entry(database, changed) == {"key": "submitter", "old": changed.old, "new": changed.new}
    with closing(EmbeddedChain(settings.data_dir / "chain")) as chain:
        assert chain.submitter() == changed.new != changed.old
    with closing(EmbeddedChain(settings.data_dir / "chain", secret=old)) as chain:
        size = chain.head().size
        with pytest.raises(Exception, match="not the submitter"):
            chain.append(size, [bytes(32)])
    grow(settings, database, "after")
    second = rotate_submitter(settings, database)
    assert second.old == changed.new
    grow(settings, database, "later")
    demand_well(settings, database)
    assert submitter_path(settings).stat().st_mode & 0o077 == 0


def test_a_new_log_key_signs_what_follows_and_the_old_one_names_it(
    settings: Settings, database: Database
) -> None:
    changed = rotate_log_key(settings, database)
    old, new = VerifierKey.decode(changed.old), VerifierKey.decode(changed.new)
    with database.transaction() as session:
        [kept] = log_keys(session)
        assert verify(newest_checkpoint(session).note, old).size == changed.since_size
    assert changed.new in verify_note(kept.note, old)
    assert entry(database, changed) == {"key": "log", "old": changed.old, "new": changed.new}
    grow(settings, database, "after")
    with database.transaction() as session:
        newest = newest_checkpoint(session).note
    assert verify(newest, new).size > changed.since_size
    with pytest.raises(NoteRefused):
        verify(newest, old)
    rotate_log_key(settings, database)
    grow(settings, database, "later")
    demand_well(settings, database)


@pytest.mark.parametrize("which", ["submitter", "log"])
def test_every_key_that_was_replaced_is_kept_and_told(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    path = {"submitter": submitter_path, "log": log_key_path}[which](settings)
    had = []
    monkeypatch.setattr(keys_command, "get_settings", lambda: settings)
    monkeypatch.setattr(keys_command, "_database", lambda _: nullcontext(database))
    for _ in range(2):
        had.append(load_secret(path))
        told = CliRunner().invoke(keys_command.keys, ["rotate", which])
        assert told.exit_code == 0, told.output
        [old] = re.findall(r"^old  (.+)$", told.output, re.MULTILINE)
        name = old if which == "submitter" else VerifierKey.decode(old).key_id.hex()
        assert f"kept in {old_path(path, name)}: " in told.output
        assert load_secret(old_path(path, name)) == had[-1]
    kept = list(path.parent.glob(f"{path.name}.*.old"))
    next_path(path).write_text("")
    shown = CliRunner().invoke(keys_command.keys, ["show"]).output
    assert [f"{file}: a key that was replaced" in shown for file in kept] == [True, True]
    assert shown.count("a key that was replaced") == 2
    assert f"{next_path(path)}: a rotation broke off" in shown
    assert {load_secret(file) for file in kept} == set(had)
    assert {file.stat().st_mode & 0o777 for file in kept} == {0o600}


@pytest.mark.parametrize("what", ["forged", "changed", "untold"])
def test_check_names_a_key_that_the_key_before_it_or_the_log_did_not_name(
    settings: Settings, database: Database, what: str
) -> None:
    changed = rotate_log_key(settings, database)
    with database.transaction() as session:
        [kept] = log_keys(session)
        size, stranger = kept.since_size + 9, signing_key(bytes(range(32)))
        vkey = VerifierKey(settings.log_origin, stranger.public_key()).encode()
        signer = stranger
        if what != "forged":
            signer = signing_key(load_secret(log_key_path(settings)))
        named = changed.new if what == "changed" else vkey
        note = sign_note(last_word(settings.log_origin, size, named), settings.log_origin, signer)
        session.add(
            LogKey(
                since_size=size,
                verifier_key=vkey,
                note=note,
                entry_id=changed.entry_id,
                rotated_at=kept.rotated_at,
            )
        )
        session.flush()
        assert [found.what for found in check_log_keys(session)] == ["log_key"]
        session.rollback()
    demand_well(settings, database)


class Killed(BaseException):
    pass


STEPS = {
    "submitter, before it is handed over": (rotate_submitter, LogWriter, "hand_over", False),
    "submitter, handed over and not told": (rotate_submitter, changing, "_tell", False),
    "submitter, told and not anchored": (rotate_submitter, changing, "_tell", True),
    "submitter, not in its place": (rotate_submitter, changing, "replace_by_next", False),
    "log key, not told": (rotate_log_key, changing, "_tell", False),
    "log key, told and not anchored": (rotate_log_key, changing, "_tell", True),
    "log key, not written": (rotate_log_key, changing, "_write_change", False),
    "log key, not in its place": (rotate_log_key, changing, "replace_by_next", False),
}


@pytest.mark.parametrize("step", list(STEPS))
def test_a_change_that_was_killed_is_ended_by_the_same_command(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    rotate, owner, name, after = STEPS[step]
    secrets = {
        rotate_submitter: load_secret(submitter_path(settings)),
        rotate_log_key: load_secret(log_key_path(settings)),
    }
    real = getattr(owner, name)

    def dies(*arguments: object) -> None:
        if after:
            real(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, dies)
        with pytest.raises(Killed):
            rotate(settings, database)
    changed = rotate(settings, database)
    assert load_secret(changed.kept) == secrets[rotate]
    assert not next_path(submitter_path(settings)).exists()
    assert not next_path(log_key_path(settings)).exists()
    assert entry(database, changed)["new"] == changed.new
    grow(settings, database, "after")
    demand_well(settings, database)


def test_another_log_key_than_the_logs_is_refused(settings: Settings, database: Database) -> None:
    given = settings.model_copy(update={"log_key": SecretStr("ab" * 32)})
    with (
        closing(LogWriter(given, database)) as writer,
        pytest.raises(WrongContract, match="MEDRELAY_LOG_KEY"),
    ):
        writer.claim()


def test_a_key_of_the_environment_is_not_changed_here(
    settings: Settings, database: Database
) -> None:
    for name, rotate in (("submitter_key", rotate_submitter), ("log_key", rotate_log_key)):
        given = settings.model_copy(update={name: SecretStr("ab" * 32)})
        with pytest.raises(KeyRefused, match=f"MEDRELAY_{name.upper()}"):
            rotate(given, database)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"submitter_key": "xy"}, "MEDRELAY_SUBMITTER_KEY holds no key"),
        ({"submitter_key": "0" * 64}, "secp256k1"),
        ({"submitter_key": f"{1:064x}"}, "test account"),
        ({"submitter_key": "ab" * 32, "log_key": "ab" * 32}, "make two keys"),
    ],
)
def test_a_submitter_that_can_not_be_is_refused_and_never_repeated(
    database: Database, tmp_path: Path, given: dict[str, str], why: str
) -> None:
    secrets = {name: SecretStr(text) for name, text in given.items()}
    settings = Settings(data_dir=tmp_path / "data").model_copy(update=secrets)
    with (
        closing(LogWriter(settings, database)) as writer,
        pytest.raises(KeyRefused, match=why) as told,
    ):
        writer.claim()
    assert given["submitter_key"] not in str(told.value)
    assert str(secrets) not in str(settings)


def test_a_key_file_that_others_can_read_stops_the_log(
    settings: Settings, database: Database
) -> None:
    submitter_path(settings).chmod(0o640)
    with (
        closing(LogWriter(settings, database)) as writer,
        pytest.raises(KeyFileRefused, match="chmod 600"),
    ):
        writer.claim()
    assert log_chain.load_signing_key(settings)


@pytest.mark.parametrize(
    ("rotate", "path"), [(rotate_submitter, submitter_path), (rotate_log_key, log_key_path)]
)
def test_while_the_service_has_the_chain_no_change_is_begun(
    settings: Settings, database: Database, rotate: Rotate, path: Callable[[Settings], Path]
) -> None:
    with (
        closing(EmbeddedChain(settings.data_dir / "chain")),
        pytest.raises(ChainLocked, match="stop the service"),
    ):
        rotate(settings, database)
    assert not next_path(path(settings)).exists()
    assert rotate(settings, database).old
