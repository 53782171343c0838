from __future__ import annotations

import pytest
from reportlab.pdfgen.canvas import Canvas

from support.documents import HEIGHT, make
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
