"""The committed contract is what its source compiles to, and needs no compiler to be loaded."""

import hashlib
import subprocess
import sys

import pytest

from contracts.artifact import ARTIFACT_PATH, SOURCE_PATH, Artifact, load_artifact


def test_compiling_again_gives_the_same_bytes() -> None:
    # In a process of its own: the compiler is large, and sets Python's recursion limit.
    program = "from contracts.compile import compile_log; print(compile_log().to_json(), end='')"
    compiled = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert compiled.stdout == ARTIFACT_PATH.read_bytes()


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


@pytest.mark.parametrize("text", ["", "{}", '{"name": 1}', "[]"])
def test_a_text_that_is_no_artifact_is_refused(text: str) -> None:
    with pytest.raises((KeyError, ValueError, TypeError)):
        Artifact.from_json(text)
