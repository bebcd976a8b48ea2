"""Every slip that a schema can find is told as a plain sentence, in both languages."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter, ValidationError

import services
from services.settings import PROJECT_ROOT
from services.web.forms import Form
from services.web.http import Code, Input
from services.web.pages import environment
from tests.world import World

# What pydantic-core may find in a value of each kind of schema (its docs, "Validation errors").
KINDS = {
    "int": ("int_type", "int_parsing", "int_parsing_size", "int_from_float"),
    "float": ("float_type", "float_parsing", "finite_number"),
    "str": ("string_type", "string_unicode"),
    "bool": ("bool_type", "bool_parsing"),
    "date": (
        "date_type",
        "date_parsing",
        "date_from_datetime_parsing",
        "date_from_datetime_inexact",
    ),
    "datetime": (
        "datetime_type",
        "datetime_parsing",
        "datetime_from_date_parsing",
        "datetime_object_invalid",
    ),
    "time": ("time_type", "time_parsing"),
    "uuid": ("uuid_type", "uuid_parsing"),
    "enum": ("enum",),
    "literal": ("literal_error",),
    "list": ("list_type",),
    "model": ("model_type", "model_attributes_type"),
    "model-fields": ("missing", "extra_forbidden"),
}
# Schemas that find nothing themselves; what a function finds is a value_error.
SILENT = {"default", "nullable", "model-field", "function-after", "function-before", "no-info"}
BOUNDS = {
    "ge": "greater_than_equal",
    "le": "less_than_equal",
    "gt": "greater_than",
    "lt": "less_than",
    "multiple_of": "multiple_of",
    "pattern": "string_pattern_mismatch",
    "tz_constraint": "timezone_aware",
}
LENGTHS = {
    ("str", "min_length"): "string_too_short",
    ("str", "max_length"): "string_too_long",
    ("list", "min_length"): "too_short",
    ("list", "max_length"): "too_long",
}
Found = tuple[str, tuple[tuple[str, Any], ...]]


def bodies(of: type[Input] = Input) -> Iterator[Any]:
    for body in of.__subclasses__():
        if body.__module__.startswith("services."):
            yield body
        yield from bodies(body)


def slips(schema: object) -> Iterator[Found]:
    """The errors, with the bounds that they name, that a core schema may find."""
    if isinstance(schema, list | tuple):
        for part in schema:
            yield from slips(part)
    if isinstance(schema, dict):
        yield from own_slips(schema)
        for name, part in schema.items():
            if name not in {"metadata", "serialization", "default", "expected", "members"}:
                yield from slips(part)


def own_slips(schema: dict[str, Any]) -> Iterator[Found]:
    kind = schema.get("type")
    if not isinstance(kind, str) or kind in SILENT:
        return
    for error in KINDS[kind]:
        yield error, ()
    lengths = {bound: error for (of, bound), error in LENGTHS.items() if of == kind}
    for bound, error in (BOUNDS | lengths).items():
        if bound in schema:
            yield error, ((bound, schema[bound]),)


@pytest.fixture(scope="module")
def every() -> set[Found]:
    for module in pkgutil.walk_packages(services.__path__, "services."):
        importlib.import_module(module.name)
    found = {slip for body in set(bodies()) for slip in slips(body.__pydantic_core_schema__)}
    assert len(found) > 40
    return found


def said(language: str, code: str, limits: dict[str, Any], mend: str = "raw words") -> str:
    words: Any = environment(language).get_template("mends.html").module
    slip = SimpleNamespace(code=code, limits=limits, mend=mend)
    return " ".join(str(words.mend(slip)).split())


def test_every_error_of_every_schema_has_a_sentence_in_both_languages(every: set[Found]) -> None:
    for code, limits in sorted(every, key=str):
        english, chinese = (said(language, code, dict(limits)) for language in ("en", "zh"))
        assert english, code
        assert "raw words" not in english, code
        assert "isn't in the form" not in english, limits
        assert chinese != english, english


def own_words() -> Iterator[str]:
    """What the schemas' own checks say: the texts of their ValueErrors."""
    paths = [*(PROJECT_ROOT / "services").rglob("*schemas*.py")]
    for path in [*paths, PROJECT_ROOT / "services" / "web" / "http.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                call = node.exc
                if isinstance(call.func, ast.Name) and call.func.id == "ValueError":
                    assert isinstance(call.args[0], ast.Constant), path
                    yield str(call.args[0].value)


def test_every_check_of_our_own_has_a_sentence_in_both_languages() -> None:
    words = sorted(set(own_words()))
    assert len(words) > 10
    for text in words:
        english, chinese = (said(each, "value_error", {}, text) for each in ("en", "zh"))
        assert english[0].isupper(), text
        assert "This can't be used" not in english, text
        assert chinese != english, text


def test_what_nobody_foresaw_is_still_told() -> None:
    assert (
        said("zh", "a_new_kind", {})
        == '此内容无法使用。 <span class="quiet" lang="en">raw words</span>'
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("", "Please fill this in."),
        ("x" * 65, "Give at most 64 characters."),
        ("a b", "Use letters"),
    ],
)
def test_bounds_come_from_the_schema(value: str, told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(Code).validate_python(value)
    error = refused.value.errors()[0]
    assert said("en", error["type"], error.get("ctx", {})).startswith(told)


def test_a_slip_that_has_no_input_names_its_field_and_value() -> None:
    class Body(Input):
        hidden: int

    form = Form({"hidden": "x", "id": "1"})
    session: Any = SimpleNamespace(begin_nested=nullcontext)
    with form.attempt(session):
        form.read(Body, leave_out=["id"])
    (slip,) = form.slips
    assert (slip.field, slip.value) == ("hidden", "x")


@pytest.mark.parametrize(
    ("words", "told"), [("help", "at least 5 char"), ("x" * 1001, "at most 1000 char")]
)
def test_a_texts_length_is_told_in_characters(api: TestClient, words: str, told: str) -> None:
    """Whatever else checks the text: it isn't told of lines, as a list's is."""
    answer = api.post("/api/v1/help-calls", json={"region": "420100", "words": words})
    slip = answer.json()["errors"][0]
    assert (slip["field"], told in slip["mend"]) == ("words", True)
    page = api.post("/en/help", data={"region": "420100", "words": words}).text
    assert ("characters." in page, "lines." in page) == (True, False)


def test_an_address_for_mail_is_asked_for_by_an_example(api: TestClient, world: World) -> None:
    answer = api.put("/api/v1/email", json={"email": "nobody"}, headers=world.bearer("donor"))
    assert "desk@example.org" in answer.json()["errors"][0]["mend"]
