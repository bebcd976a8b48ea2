"""Every row of the threat model's table names a test that exists."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
TABLE = ROOT.parent / "docs" / "threat-model.md"


def rows() -> list[list[str]]:
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[2:]]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_what_is_said_to_notice_a_threat_is_tested(row: list[str]) -> None:
    assert len(row) == 3, row
    named = [test.split("::") for test in row[2].replace("`", "").split(", ")]
    assert named
    for file, function in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_table_is_not_empty() -> None:
    assert len(rows()) >= 13
