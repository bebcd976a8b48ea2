"""What a scanner types into a form, and what stands in the form's other fields then."""

import pytest
from sqlmodel import Session

from services.catalog.maintain import put_gtin
from services.catalog.scanning import take_scan
from services.catalog.schemas import GtinIn
from services.web.forms import Form

GTIN = "09506000134352"
TEXT = f"(01){GTIN}(17)211231(10)B-7"
LINES = {"lines[0].": "surgical_mask", "lines[1].": "gloves", "lines[2].": "gloves"}


@pytest.fixture(autouse=True)
def _known(session: Session) -> None:
    put_gtin(session, "gloves", GtinIn(gtin=GTIN, unit="box"))


def test_a_scan_fills_in_the_fields_that_a_form_has(session: Session) -> None:
    form = Form({"scan": TEXT, "item": "", "quantity": "", "unit": "piece", "batch": ""})
    assert take_scan(session, form)
    assert form.values == {
        "scan": "",
        "item": "gloves",
        "quantity": "1",
        "unit": "box",
        "batch": "B-7",
    }
    assert not take_scan(session, form)
    assert "scan" not in form.values


def test_what_was_typed_as_a_quantity_stays(session: Session) -> None:
    form = Form({"scan": TEXT, "quantity": "40", "unit": "piece", "expires_on": ""})
    assert take_scan(session, form)
    assert (form["quantity"], form["unit"]) == ("40", "piece")
    assert form["expires_on"] == "2021-12-31"


def test_of_several_lines_that_of_the_item_is_filled_in(session: Session) -> None:
    blank = {f"{at}batch": "" for at in LINES}
    form = Form(blank | {"scan": TEXT})
    assert take_scan(session, form, LINES)
    assert [form[f"{at}batch"] for at in LINES] == ["", "B-7", ""]
    form.values["scan"] = TEXT.replace("B-7", "B-8")
    assert take_scan(session, form, LINES)
    assert [form[f"{at}batch"] for at in LINES] == ["", "B-7", "B-8"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("hello", "not-gs1"),
        ("(01)09501101020917(10)X", "not-on-the-form"),
        ("(00)106141412345678908", "not-on-the-form"),
    ],
)
def test_what_is_on_none_of_the_lines_is_said_at_the_scan(
    session: Session, text: str, code: str
) -> None:
    form = Form({f"{at}batch": "" for at in LINES} | {"scan": text})
    assert take_scan(session, form, LINES)
    assert [(slip.field, slip.code) for slip in form.slips] == [("scan", code)]
    assert form["scan"] == text
    assert not any(form[f"{at}batch"] for at in LINES)


def test_an_unknown_package_still_tells_its_batch(session: Session) -> None:
    form = Form({"scan": "(01)09501101020917(10)X", "item": "", "batch": ""})
    assert take_scan(session, form)
    assert (form["item"], form["batch"]) == ("", "X")
    assert [slip.code for slip in form.slips] == ["unknown-package"]
