"""Nothing on a page is left in English for who reads Chinese, and no code is without its words."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

import services
from services.dispatch.models import RunState
from services.donations.models import EarmarkKind
from services.errors import DomainError
from services.journal.kinds import ACCOUNT_STATES, EntryKind
from services.parties.models import Role
from services.requests.models import Priority
from services.settings import PROJECT_ROOT
from services.transport.models import ShipmentState
from services.transport.steps import Step
from services.web.i18n import to_gettext
from services.web.pages import environment

SERVICES = PROJECT_ROOT / "services"
Message = str | tuple[str, ...]


def texts_in_templates() -> Iterator[tuple[str, Message]]:
    for path in sorted((SERVICES / "web" / "templates").glob("*.html")):
        with path.open("rb") as source:
            for _, _, message, _ in babel_extract(source, ("_", "ngettext"), [], {}):
                if isinstance(message, str):
                    yield path.name, message
                elif message:
                    parts = tuple(part for part in message if part)
                    yield path.name, parts if len(parts) > 1 else parts[0]


def texts_in_code() -> Iterator[tuple[str, Message]]:
    marker = {to_gettext.__name__: None}
    for path in sorted(SERVICES.rglob("*.py")):
        with path.open("rb") as source:
            for _, message, _, _ in extract("python", source, keywords=marker):
                yield path.name, message


def titles_of_errors() -> Iterator[tuple[str, Message]]:
    for module in pkgutil.walk_packages(services.__path__, "services."):
        importlib.import_module(module.name)
    waiting: list[type[DomainError]] = [DomainError]
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        if error.__module__.startswith("services."):
            yield error.__name__, error.title


@pytest.fixture(scope="module")
def chinese() -> Catalog:
    """The catalogues of the pages' texts as one: ``zh.po`` and one more for each desk.

    ``zh.plans.po`` holds the sentences that explain plans, which have tests of their own.
    """
    folder = SERVICES / "web" / "locales"
    whole = Catalog(locale="zh_CN")
    for path in sorted(folder.glob("zh*.po")):
        if path.name == "zh.plans.po":
            continue
        with path.open("rb") as source:
            for entry in read_po(source, locale="zh_CN", abort_invalid=True):
                assert not entry.id or entry.id not in whole, f"{entry.id} is there twice"
                if entry.id:
                    whole.add(entry.id, entry.string, flags=entry.flags)
    return whole


def wanted() -> dict[Message, str]:
    found = [*texts_in_templates(), *texts_in_code(), *titles_of_errors()]
    return {message: where for where, message in found}


def test_every_text_is_there_in_chinese(chinese: Catalog) -> None:
    texts = wanted()
    assert len(texts) > 300
    missing = []
    for text, where in texts.items():
        entry = chinese.get(first(text))
        told = entry.string if entry else ""
        if not all(told if isinstance(told, tuple | list) else [told]) or not told:
            missing.append(f"{where}: {text}")
    assert not missing, "\n".join(missing)


def first(text: object) -> str:
    """The key of a text: its singular."""
    return str(text[0]) if isinstance(text, tuple | list) else str(text)


def test_no_translation_is_of_a_text_that_is_gone(chinese: Catalog) -> None:
    used = {first(text) for text in wanted()}
    assert [entry.id for entry in chinese if entry.id and first(entry.id) not in used] == []


def test_a_translation_fills_in_the_same_values(chinese: Catalog) -> None:
    def values(text: object) -> set[str]:
        whole = " ".join(text) if isinstance(text, tuple) else str(text)
        return set(re.findall(r"%\((\w+)\)s", whole))

    for entry in chinese:
        told = tuple(entry.string) if isinstance(entry.string, tuple | list) else entry.string
        asked = tuple(entry.id) if isinstance(entry.id, tuple | list) else entry.id
        assert values(told) == values(asked), entry.id


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        ("PRIORITY", list(Priority)),
        ("RUN", list(RunState)),
        ("SHIPMENT", list(ShipmentState)),
        ("STEP", list(Step)),
        ("ENTRY", list(EntryKind)),
        ("EARMARK", list(EarmarkKind)),
        ("ROLE", list(Role)),
        ("PAGES", list(Role)),
        ("STANDS", sorted({state for _, state in ACCOUNT_STATES} - {"given", "made"})),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_code_that_a_page_may_show_has_its_words(
    table: str, codes: list[str], language: str
) -> None:
    words = getattr(environment(language).get_template("labels.html").module, table)
    assert [code for code in codes if not words.get(str(code))] == []


LABELS = sorted((SERVICES / "web" / "templates").glob("labels*.html"))


@pytest.mark.parametrize("path", LABELS, ids=lambda path: path.name)
def test_no_code_has_two_words(path: Path) -> None:
    """Of two entries under one key the template takes the last, and says it of both."""
    text = path.read_text(encoding="utf-8")
    for table, entries in re.findall(r"(?s){% set (\w+) = {(.*?)} %}", text):
        codes = re.findall(r'"([\w-]+)":', entries)
        assert len(codes) == len(set(codes)), table


def test_the_style_sheet_stays_small() -> None:
    folder: Path = SERVICES / "web" / "static"
    assert (folder / "style.css").stat().st_size < 16_000
    scripts = sum(path.stat().st_size for path in folder.glob("*.js"))
    assert scripts < 10_000
