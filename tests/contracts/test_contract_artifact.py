"""The committed contract is what its source compiles to, and needs no compiler to be loaded."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.artifact import (
    COMPARED_PATHS,
    SOURCE_PATH,
    Artifact,
    load_artifact,
    load_compared,
)


@pytest.mark.parametrize("source", [SOURCE_PATH, *COMPARED_PATHS], ids=lambda path: path.stem)
def test_compiling_again_gives_the_same_bytes(source: Path) -> None:
    # In a process of its own: the compiler is large, and sets Python's recursion limit.
    program = (
        "import sys, pathlib; from contracts.compile import compile_contract;"
        "print(compile_contract(pathlib.Path(sys.argv[1])).to_json(), end='')"
    )
    command = [sys.executable, "-c", program, source]
    compiled = subprocess.run(command, capture_output=True, check=True)
    assert compiled.stdout == source.with_suffix(".json").read_bytes()


def test_the_artifact_names_its_compiler_and_source() -> None:
    artifact = load_artifact()
    assert artifact.compiler == "vyper 0.4.3"
    assert artifact.source_sha256 == hashlib.sha256(SOURCE_PATH.read_bytes()).hexdigest()


def test_the_interface_is_the_published_one() -> None:
    abi = load_artifact().abi
    functions = {entry["name"] for entry in abi if entry["type"] == "function"}
    events = {entry["name"] for entry in abi if entry["type"] == "event"}
    assert events == {"LeavesAppended", "TreeHead", "SubmitterChanged", "Sealed"}
    assert functions == {
        *("append", "seal", "setSubmitter", "submitter", "successor", "isSealed"),
        *("treeSize", "rootHash", "rootAt", "peaks", "MAX_BATCH"),
    }


def test_loading_needs_no_compiler() -> None:
    program = (
        "import sys; from contracts.artifact import load_artifact; load_artifact();"
        "print('vyper' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert told.stdout == b"False\n"


def test_an_artifact_reads_back_as_itself() -> None:
    assert Artifact.from_json(load_artifact().to_json()) == load_artifact()


@pytest.mark.parametrize("name", ["", "MedrelayLog", "../MedrelayLog", "bareevent"])
def test_no_other_contract_is_loaded_for_comparison(name: str) -> None:
    assert load_compared("BareEvent").name == "BareEvent"
    with pytest.raises(KeyError):
        load_compared(name)


@pytest.mark.parametrize("text", ["", "{}", '{"name": 1}', "[]"])
def test_a_text_that_is_no_artifact_is_refused(text: str) -> None:
    with pytest.raises((KeyError, ValueError, TypeError)):
        Artifact.from_json(text)
