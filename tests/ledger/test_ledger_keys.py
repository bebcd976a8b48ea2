"""Key files: made once, read by their owner alone."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from eth_account import Account
from eth_tester import EthereumTester, PyEVMBackend

from ledger.keys import (
    KeyFileRefused,
    KeyRefused,
    load_or_create_secret,
    load_secret,
    next_path,
    old_path,
    parse_secret,
    replace_by_next,
    submitter_address,
    submitter_secret,
)


def test_a_key_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "submitter.key"
    secret = load_or_create_secret(path)
    assert len(secret) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_secret(path) == load_secret(path) == secret
    assert [file.name for file in path.parent.iterdir()] == ["submitter.key"]


def test_two_folders_have_two_keys(tmp_path: Path) -> None:
    assert load_or_create_secret(tmp_path / "a") != load_or_create_secret(tmp_path / "b")


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from ledger.keys import load_or_create_secret as load;"
        "print(load(pathlib.Path(sys.argv[1])).hex())"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "key")]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert len({process.communicate(timeout=30)[0] for process in started}) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_can_read_is_refused_with_the_mend(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    load_or_create_secret(path)
    path.chmod(mode)
    with pytest.raises(KeyFileRefused, match="chmod 600"):
        load_or_create_secret(path)


@pytest.mark.parametrize("text", ["", "zz" * 32, "00" * 31, "00" * 33, "é" * 64])
def test_a_file_without_a_key_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyFileRefused, match=f"^{path} holds no key: 64 hex digits$"):
        load_secret(path)


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_secret(tmp_path / "key")


def test_a_key_may_come_as_hex_with_or_without_its_prefix() -> None:
    assert parse_secret("0x" + "ab" * 32 + "\n") == parse_secret("AB" * 32) == b"\xab" * 32


PHRASE = "test test test test test test test test test test test junk"


@pytest.mark.parametrize("number", range(10))
def test_a_submitter_that_everybody_knows_is_refused_by_its_address(
    tmp_path: Path, number: int
) -> None:
    Account.enable_unaudited_hdwallet_features()
    anvils = Account.from_mnemonic(PHRASE, account_path=f"m/44'/60'/0'/0/{number}")
    eth_testers = EthereumTester(PyEVMBackend()).backend.account_keys[number]
    for secret in (bytes(anvils.key), eth_testers.to_bytes()):
        with pytest.raises(KeyRefused, match=f"0x{submitter_address(secret).hex()}.*everybody"):
            submitter_secret(tmp_path / "key", secret)
    assert not (tmp_path / "key").exists()


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32])
def test_a_number_that_is_no_key_of_ethereum_is_refused(tmp_path: Path, secret: bytes) -> None:
    with pytest.raises(KeyRefused, match="secp256k1"):
        submitter_secret(tmp_path / "key", secret)


def test_a_key_that_is_given_leaves_the_file_alone(tmp_path: Path) -> None:
    assert submitter_secret(tmp_path / "key", b"\x07" * 32) == b"\x07" * 32
    assert not (tmp_path / "key").exists()
    made = submitter_secret(tmp_path / "key")
    assert made == load_secret(tmp_path / "key")


def test_a_successor_takes_the_place_of_a_key_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "key"
    old = load_or_create_secret(path)
    successor = load_or_create_secret(next_path(path))
    kept = replace_by_next(path, "0xAb")
    assert load_secret(path) == successor
    assert not next_path(path).exists()
    assert (kept.name, load_secret(kept)) == ("key.0xAb.old", old)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    with pytest.raises(FileNotFoundError):
        replace_by_next(path, "0xCd")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["key", "key.0xAb.old"]


def test_a_replacement_that_was_killed_after_the_copy_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    old, successor = load_or_create_secret(path), load_or_create_secret(next_path(path))

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", dies)
        with pytest.raises(KeyboardInterrupt):
            replace_by_next(path, "a")
    assert load_secret(path) == load_secret(old_path(path, "a")) == old
    assert load_secret(replace_by_next(path, "a")) == old
    assert load_secret(path) == successor


def test_a_kept_key_is_never_overwritten_by_another(tmp_path: Path) -> None:
    path = tmp_path / "key"
    other = load_or_create_secret(old_path(path, "a"))
    old, successor = load_or_create_secret(path), load_or_create_secret(next_path(path))
    with pytest.raises(KeyFileRefused, match="another key"):
        replace_by_next(path, "a")
    found = [load_secret(file) for file in (old_path(path, "a"), path, next_path(path))]
    assert found == [other, old, successor]
