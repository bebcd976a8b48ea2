"""Compile the contracts: `python -m contracts.compile` writes each `.json` anew."""

from __future__ import annotations

import hashlib
from pathlib import Path

import vyper

from contracts.artifact import COMPARED_PATHS, SOURCE_PATH, Artifact


def compile_contract(path: Path) -> Artifact:
    """A contract compiled from its source by the Vyper that is installed.

    Raises:
        vyper.exceptions.VersionException: the installed Vyper isn't the one the source pins.

    """
    source = path.read_text(encoding="utf-8")
    compiled = vyper.compile_code(source, output_formats=["abi", "bytecode"])
    return Artifact(
        name=path.stem,
        compiler=f"vyper {vyper.__version__}",
        source_sha256=hashlib.sha256(source.encode("utf-8")).hexdigest(),
        abi=tuple(compiled["abi"]),
        bytecode=bytes.fromhex(compiled["bytecode"].removeprefix("0x")),
    )


def main() -> None:
    """Write each artifact beside its source."""
    for path in (SOURCE_PATH, *COMPARED_PATHS):
        path.with_suffix(".json").write_text(compile_contract(path).to_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
