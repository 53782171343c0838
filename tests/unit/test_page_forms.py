from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from llama_cloud.types.parsing_get_response import Forms
from reportlab.pdfgen.canvas import Canvas

from llamaparse_worker.backends.reader.pdf import forms
from llamaparse_worker.layout import form_labels
from support.documents import HEIGHT, make
from support.pathological import between_neighbours
from support.tasks import parsed

ENRICH = {"processing_options": {"forms": "enrich"}}


def application(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 11)
    form = canvas.acroForm
    for y, label, name, value in (
        (700, "Ship", "ship", "The Grey Heron"),
        (670, "Home port", "port", "\u00c5lesund"),
        (640, "Owner", "owner", ""),
    ):
        canvas.drawString(72, y, label)
        form.textfield(name=name, value=value, x=160, y=y - 6, width=220, height=20, fontSize=11, borderWidth=0)
    for y, label, name, checked in ((600, "Cargo on board", "cargo", True), (580, "Pilot wanted", "pilot", False)):
        form.checkbox(name=name, checked=checked, x=72, y=y - 3, size=14)
        canvas.drawString(92, y, label)


def secret(canvas: Canvas) -> None:
    canvas.drawString(72, 700, "Word of the day")
    canvas.acroForm.textfield(name="word", value="heron", x=200, y=694, width=200, height=20, fieldFlags="password")


def notes(canvas: Canvas) -> None:
    value = "First the anchor.\nThen the sails."
    canvas.acroForm.textfield(name="n", value=value, x=72, y=600, width=300, height=80, fieldFlags="multiline")


def test_what_is_filled_in_is_read_beside_its_label() -> None:
    found = parsed(make(application), ENRICH).text
    assert " ".join(found.split()).startswith("Ship The Grey Heron Home port \u00c5lesund Owner")


def test_a_box_says_whether_it_is_checked() -> None:
    lines = parsed(make(application), ENRICH).markdown.splitlines()
    assert [line for line in lines if "Cargo" in line] == ["- [x] Cargo on board"]
    assert [line for line in lines if "Pilot" in line] == ["- [ ] Pilot wanted"]


@pytest.mark.parametrize("configuration", [{}, {"processing_options": {"forms": "default"}}])
def test_fields_are_not_read_unless_the_job_asks_for_it(configuration: dict[str, object]) -> None:
    found = parsed(make(application), configuration).text
    assert "Heron" not in found
    assert "\u2612" not in found


def test_a_password_stays_in_its_field() -> None:
    assert "heron" not in parsed(make(secret), ENRICH).text


def test_lines_of_a_field_come_from_top_to_bottom() -> None:
    assert parsed(make(notes), ENRICH).text.split() == ["First", "the", "anchor.", "Then", "the", "sails."]


def test_fields_outside_of_the_crop_box_are_not_read() -> None:
    above = {**ENRICH, "crop_box": {"bottom": (HEIGHT - 690) / HEIGHT}}
    assert parsed(make(application), above).text.split() == ["Ship", "The", "Grey", "Heron"]


def nodes(draw: Callable[[Canvas], None]) -> list[dict[str, Any]]:
    (page,) = sections(make(draw))["pages"]
    (form,) = page["forms"]
    found: list[dict[str, Any]] = form["json"]
    return found


def sections(content: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(parsed(content, ENRICH).files["result.json"])["forms"]
    Forms.model_validate_json(json.dumps(found), strict=True)
    return found


def test_the_fields_of_a_page_are_told_with_labels_values_and_boxes() -> None:
    ship, port, owner, cargo, pilot = nodes(application)
    box = {"x": 160.0, "y": pytest.approx(HEIGHT - 714, abs=0.1), "w": 220.0, "h": 20.0}
    assert ship == {"field": "text", "label": "Ship", "value": "The Grey Heron", "bbox": [box], "type": "field"}
    assert (port["label"], port["value"]) == ("Home port", "\u00c5lesund")
    assert (owner["label"], owner["isEmpty"], owner.get("value")) == ("Owner", True, None)
    assert (cargo["field"], cargo["label"], cargo["value"]) == ("checkbox", "Cargo on board", True)
    assert (pilot["field"], pilot["label"], pilot["value"]) == ("checkbox", "Pilot wanted", False)


def test_the_fields_of_a_page_are_told_as_a_list_too() -> None:
    (page,) = sections(make(application))["pages"]
    listed = page["forms"][0]["list"]
    assert listed["md"].splitlines() == [
        "- Ship: The Grey Heron",
        "- Home port: \u00c5lesund",
        "- Owner:",
        "- [x] Cargo on board",
        "- [ ] Pilot wanted",
    ]
    assert [item["value"] for item in listed["items"]][-2:] == ["\u2612 Cargo on board", "\u2610 Pilot wanted"]


def test_a_password_is_a_field_without_its_value() -> None:
    (field,) = nodes(secret)
    assert field["label"] == "Word of the day"
    assert "value" not in field
    assert "isEmpty" not in field


def choosing(canvas: Canvas) -> None:
    form = canvas.acroForm
    canvas.drawString(72, 700, "Cargo")
    form.choice(name="cargo", value="coal", options=["salt", "coal", "grain"], x=160, y=694, width=120, height=20)
    for at, (value, text) in enumerate((("in", "arriving"), ("out", "leaving"))):
        form.radio(name="way", value=value, selected=value == "out", x=72 + 120 * at, y=640, size=14)
        canvas.drawString(92 + 120 * at, 643, text)
    canvas.drawString(72, 612, "Days")
    form.listbox(name="days", value="Mon", options=["Mon", "Tue"], x=160, y=590, width=80, height=40)


def test_a_choice_is_told_with_all_that_could_be_chosen() -> None:
    cargo, way, days = nodes(choosing)
    assert (cargo["field"], cargo["label"]) == ("single_select", "Cargo")
    assert [(one["label"], one["value"]) for one in cargo["valueItems"]] == [
        ("salt", False),
        ("coal", True),
        ("grain", False),
    ]
    assert way["field"] == "single_select"
    assert [(one["label"], one["value"]) for one in way["valueItems"]] == [("arriving", False), ("leaving", True)]
    assert len(way["bbox"]) == 2
    assert (days["label"], [one["value"] for one in days["valueItems"]]) == ("Days", [True, False])


def labelled_above(canvas: Canvas) -> None:
    form = canvas.acroForm
    for at, label in enumerate(("1a. First name", "1b. Last name", "2. Copies")):
        canvas.setFont("Helvetica", 8)
        canvas.drawString(72 + 160 * at, 722, label)
        form.textfield(name=f"f{at}", value="", x=72 + 160 * at, y=698, width=140, height=20)
    canvas.setFont("Helvetica", 11)
    for at, label in enumerate(("Yes", "No", "2 of them")):
        form.checkbox(name=f"c{at}", checked=at == 0, x=72 + 60 * at, y=650, size=12)
        canvas.drawString(88 + 60 * at, 652, label)
    canvas.drawString(72, 612, "From")
    canvas.drawString(212, 612, "to")
    form.textfield(name="from", value="Oslo", x=102, y=606, width=100, height=18)
    form.textfield(name="to", value="Hull", x=232, y=606, width=100, height=18)


def test_a_label_may_stand_above_its_field_or_between_two_and_have_a_number() -> None:
    found = nodes(labelled_above)
    assert [(node.get("id"), node.get("label")) for node in found] == [
        ("1a", "First name"),
        ("1b", "Last name"),
        ("2", "Copies"),
        (None, "Yes"),
        (None, "No"),
        (None, "2 of them"),
        (None, "From"),
        (None, "to"),
    ]


def test_a_page_without_fields_has_no_form_and_without_the_option_there_is_no_section() -> None:
    content = make(lambda canvas: canvas.drawString(72, 700, "Nothing to fill in"))
    assert sections(content)["pages"][0]["forms"] == []
    assert "forms" not in json.loads(parsed(make(application), {}).files["result.json"])


def test_fields_outside_of_the_crop_box_are_not_told() -> None:
    above = {**ENRICH, "crop_box": {"bottom": (HEIGHT - 690) / HEIGHT}}
    (page,) = json.loads(parsed(make(application), above).files["result.json"])["forms"]["pages"]
    assert [node["label"] for node in page["forms"][0]["json"]] == ["Ship"]


@pytest.mark.parametrize(("value", "expected"), [(b"/V << /Type /Sig >>", True), (b"", False)])
def test_a_signature_is_told_as_given_or_not(value: bytes, *, expected: bool) -> None:
    widget = b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (s) /TU (Master) /F 4 /Rect [100 500 300 540] %s >>" % value
    content = between_neighbours(b"BT /F 12 Tf 100 545 Td (Signature) Tj ET\n", forms=[widget])
    content = content.replace(b"/Type /Catalog", b"/Type /Catalog /AcroForm << /Fields [10 0 R] >>")
    content = content.replace(b"/Contents 7 0 R", b"/Annots [10 0 R] /Contents 7 0 R")
    (node,) = sections(content)["pages"][1]["forms"][0]["json"]
    assert (node["field"], node["label"], node["value"]) == ("signature", "Signature", expected)


def test_lists_beyond_what_a_page_may_offer_tell_what_is_chosen_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "_MAX_CHOICES", 4)
    cargo, _, days = nodes(choosing)
    assert len(cargo["valueItems"]) == 3
    assert [(one["field"], one["value"]) for one in days["valueItems"]] == [("text", "Mon")]


def test_fields_beyond_those_that_are_labelled_keep_the_description_of_the_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def draw(canvas: Canvas) -> None:
        for at, label in enumerate(("Ship", "Port")):
            canvas.drawString(72, 700 - 30 * at, label)
            canvas.acroForm.textfield(name=label, tooltip=f"The {label}", x=160, y=694 - 30 * at, width=90, height=20)

    monkeypatch.setattr(form_labels, "MOST_LABELLED", 1)
    assert [node["label"] for node in nodes(draw)] == ["Ship", "The Port"]
