"""The shape of the house, held by tests: layers, who touches what, sizes, and words."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from services.settings import PROJECT_ROOT

PACKAGES = ("services", "ledger", "optimizer", "contracts")
MOST_LINES = 400
MOST_FUNCTION_LINES = 70
# Strangers download it and run it as the one file that it is, with its checksum beside it.
# It reads by itself what the rest of ledger/ reads in ten files: tree, notes, keys, chain, totals.
LONGER = {"ledger/verify.py": 1460}
JOURNAL_TABLES = {"Account", "Commodity", "Lot", "Entry", "Move", "Balance", "Leaf", "EntrySecret"}


def sources(*folders: str) -> list[Path]:
    """Python files of the folders, with those that are new, and without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = (PROJECT_ROOT / line for line in listed.stdout.splitlines())
    return sorted(path for path in paths if path.suffix == ".py" and path.exists())


def name(path: Path) -> str:
    return str(path.relative_to(PROJECT_ROOT))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def mentioning(paths: list[Path], *words: str) -> Iterator[tuple[str, ast.Module]]:
    """Those files, parsed, in whose text one of the words stands: most need no parsing at all."""
    for path in paths:
        text = path.read_text(encoding="utf-8")
        if any(word in text for word in words):
            yield name(path), ast.parse(text)


def test_the_sources_are_found() -> None:
    found = {name(path) for path in sources(*PACKAGES, "tests")}
    assert {"services/app.py", "ledger/merkle.py", "tests/test_architecture.py"} <= found


def test_imports_go_one_way() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run(
        [linter, "--no-cache"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout
    assert "0 broken" in answer.stdout


def calls_of(tree: ast.AST, *methods: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in methods
        ):
            yield node


def test_only_the_database_module_commits() -> None:
    """Services write in the caller's transaction: what fails, fails as a whole."""
    methods = ("commit", "begin")
    committing = {
        where
        for where, tree in mentioning(sources("services"), *methods)
        if any(calls_of(tree, *methods))
    }
    # alembic's migrations and the libraries' own files aren't sessions of ours.
    assert committing <= {"services/database.py"}


def test_only_settings_reads_the_environment() -> None:
    readers = set()
    for where, tree in mentioning(sources(*PACKAGES), "environ", "getenv", "from os"):
        for node in ast.walk(tree):
            attribute = isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
            imported = isinstance(node, ast.ImportFrom) and node.module == "os"
            if attribute or imported:
                readers.add(where)
    # The embedded server's wheel is told its private folder through the environment alone.
    assert readers <= {"services/settings.py", "services/database.py", *CHILD_PROCESSES}


# These start programs, and hand the environment on with what those need.
CHILD_PROCESSES = {"services/rehearse.py"}


def annotation_names(tree: ast.AST) -> set[int]:
    """The ids of name nodes that stand in annotations."""
    found: set[int] = set()
    for node in ast.walk(tree):
        parts: list[ast.expr | None] = []
        if isinstance(node, ast.AnnAssign | ast.arg):
            parts.append(node.annotation)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parts.append(node.returns)
        for part in filter(None, parts):
            found |= {id(inner) for inner in ast.walk(part)}
    return found


def tables_touched(tree: ast.Module) -> set[str]:
    """The journal's tables that a module uses beyond annotations, by whatever name it got them."""
    used: set[str] = set()
    annotations = annotation_names(tree)
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "services.journal.models":
            imported |= {alias.asname or alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module == "services.journal":
            used |= {alias.name for alias in node.names} & {"models"}
        if isinstance(node, ast.Import):
            used |= {one.name for one in node.names} & {"services.journal.models"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in imported and id(node) not in annotations:
            used.add(node.id)
    return used


def test_only_the_journal_touches_its_tables() -> None:
    """Others may name a row's type that a reading gave them, and no more."""
    imports = ("services.journal.models", "services.journal import")
    touching = {
        where: tables_touched(tree)
        for where, tree in mentioning(sources("services"), *imports)
        if not where.startswith("services/journal/") and where != "services/tables.py"
    }
    assert {where: tables for where, tables in touching.items() if tables} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from services.journal.models import Lot\ndef f(x: list[Lot]) -> Lot: ...", set()),
        ("from services.journal.models import Lot\nselect(Lot)", {"Lot"}),
        ("from services.journal.models import Balance as B\nx = B.inflow", {"B"}),
        ("from services.journal import models", {"models"}),
        ("import services.journal.models", {"services.journal.models"}),
    ],
)
def test_the_guard_of_the_tables_sees_what_it_should(source: str, found: set[str]) -> None:
    assert tables_touched(ast.parse(source)) == found


def test_no_statement_names_the_journals_tables_in_text() -> None:
    verbs = ("insert into ", "update ", "delete from ", "truncate ")
    statements = {f"{verb}{table.lower()}" for verb in verbs for table in JOURNAL_TABLES}
    for path in sources("services"):
        if name(path).startswith("services/journal/"):
            continue
        texts = [node.value for node in ast.walk(parsed(path)) if isinstance(node, ast.Constant)]
        written = [text.lower() for text in texts if isinstance(text, str)]
        assert not [text for text in written for one in statements if text.startswith(one)], path


def test_every_file_can_be_read_in_one_go_and_says_what_it_is_for() -> None:
    faults = [fault for path in sources(*PACKAGES, "tests") for fault in hard_to_read(path)]
    assert faults == []


def hard_to_read(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    lines = len(text.splitlines())
    if lines > LONGER.get(name(path), MOST_LINES):
        yield f"{name(path)} has {lines} lines"
    tree = ast.parse(text)
    if tree.body and not ast.get_docstring(tree):
        yield f"{name(path)} doesn't say what it is for"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > MOST_FUNCTION_LINES:
                yield f"{name(path)}: {node.name} has {lines} lines"


def test_a_file_that_is_hard_to_read_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.test_architecture.PROJECT_ROOT", tmp_path)
    path = tmp_path / "a.py"
    path.write_text("async def f():\n" + " pass\n" * MOST_LINES, encoding="utf-8")
    assert list(hard_to_read(path)) == [
        f"a.py has {MOST_LINES + 1} lines",
        "a.py doesn't say what it is for",
        f"a.py: f has {MOST_LINES + 1} lines",
    ]


def test_nothing_in_git_names_a_package_registry() -> None:
    # Written in halves, or this file would be the one that names them.
    hosts = ["pypi" + ".org", "python" + "hosted.org", "registry.npm" + "js.org", "npm" + "js.com"]
    hosts += ["proxy.gol" + "ang.org", "crates" + ".io", "--index" + "-url http"]
    patterns = [part for host in hosts for part in ("-e", host)]
    answer = subprocess.run(
        ["git", "grep", "--untracked", "-I", "-l", "-F", *patterns],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stdout) == (1, "")


TOUR = "".join(
    (PROJECT_ROOT / "docs" / name).read_text(encoding="utf-8")
    for name in ("architecture.md", "desks.md")
)
TOLD = sorted(set(re.findall(r"`((?:\w+/)+\w+\.py)(?:: (\w+))?`", TOUR)))


@pytest.mark.parametrize(("path", "function"), TOLD)
def test_what_the_tour_names_is_where_it_says(path: str, function: str) -> None:
    places = [PROJECT_ROOT / path, PROJECT_ROOT / "services" / path]
    found = next((place for place in places if place.exists()), None)
    assert found is not None, f"{path} is nowhere"
    assert not function or function in functions_of(found), f"{path} has no {function}"


@cache
def functions_of(path: Path) -> set[str]:
    return {node.name for node in parsed(path).body if isinstance(node, ast.FunctionDef)}
