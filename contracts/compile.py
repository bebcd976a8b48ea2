"""Compile the log contract: `python -m contracts.compile` writes `MedrelayLog.json` anew."""

from __future__ import annotations

import hashlib

import vyper

from contracts.artifact import ARTIFACT_PATH, SOURCE_PATH, Artifact


def compile_log() -> Artifact:
    """The contract compiled from its source by the Vyper that is installed.

    Raises:
        vyper.exceptions.VersionException: the installed Vyper isn't the one the source pins.

    """
    source = SOURCE_PATH.read_text(encoding="utf-8")
    compiled = vyper.compile_code(source, output_formats=["abi", "bytecode"])
    return Artifact(
        name=SOURCE_PATH.stem,
        compiler=f"vyper {vyper.__version__}",
        source_sha256=hashlib.sha256(source.encode("utf-8")).hexdigest(),
        abi=tuple(compiled["abi"]),
        bytecode=bytes.fromhex(compiled["bytecode"].removeprefix("0x")),
    )


def main() -> None:
    """Write the artifact beside its source."""
    ARTIFACT_PATH.write_text(compile_log().to_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
