"""Writes the sample documents of the demo: ``python tests/support/samples.py config/samples``."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from pathlib import Path

from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from support.documents import MARGIN, WIDTH, Draw, Pen, make, picture, table

_HARBOUR = (
    (
        "The harbour office keeps a written record of every vessel that passes the breakwater. Each entry "
        "names the ship, its draught and the hour at which the pilot went on board. The record is older than "
        "the present building: its first volume was begun in pencil, on the day when the old lighthouse was "
        "lit again after the great storm."
    ),
    (
        "Since then the way of keeping it has hardly changed. One clerk writes, a second one reads the entry "
        "aloud, and both sign the page before the ink is dry. What has changed is the number of readers. "
        "Insurance companies, historians and the families of sailors ask for copies, and each copy has to be "
        "typed again."
    ),
)
_COLUMNS = (
    (
        "Rivers do not keep to their beds. Over a century the lower course of a slow river can move by more "
        "than its own width, and every bend leaves a trace in the soil. Surveyors who compare old maps with "
        "new ones can read these traces like the rings of a tree."
    ),
    (
        "The method is simple. Two maps are laid over each other at the same scale, and the distance between "
        "the banks is measured at fixed stations. Where both banks have moved in the same direction the river "
        "has wandered; where they have moved apart it has grown wider."
    ),
    (
        "Measurements at forty stations show that the outer bank of a bend moves three times as fast as a "
        "straight reach. The speed depends on the soil more than on the water: clay holds, sand gives way, "
        "and gravel does either, depending on the season."
    ),
    (
        "Dams upstream slow the movement down. After the third dam was closed the mean distance fell to less "
        "than half of what it had been, and two of the bends came to rest. The remaining bends moved on as "
        "before, since the material that they need comes from the banks themselves."
    ),
)


def _record(canvas: Canvas) -> None:
    pen = Pen(canvas).heading("The Harbour Record", 22)
    pen.write(_HARBOUR[0]).heading("How it is kept", 15).write(_HARBOUR[1])
    pen.heading("What a reader needs to know", 15)
    pen.write("Copies are made on three conditions:")
    pen.bullets(
        [
            "The volume stays in the reading room, and is returned before the evening bell.",
            "Names of living persons are left out unless they agree in writing.",
            "A copy carries the seal of the office and the number of its page.",
        ]
    )
    pen.write("To order a copy:")
    pen.bullets(["Find volume and page in the index.", "Fill in the form.", "Wait for the letter."], ["1.", "2.", "3."])


def _record_continued(canvas: Canvas) -> None:
    pen = Pen(canvas).heading("Opening hours", 15)
    pen.write(
        "The reading room is open from Monday to Thursday, from nine in the morning until the evening bell rings."
    )


def _rivers(canvas: Canvas) -> None:
    Pen(canvas).heading("How far does a river wander?", 20)
    width = (WIDTH - 2 * MARGIN - 24) / 2
    left, right = Pen(canvas, MARGIN, width, 735), Pen(canvas, MARGIN + width + 24, width, 735)
    left.heading("Maps", 13).write(_COLUMNS[0]).write(_COLUMNS[1])
    right.heading("Findings", 13).write(_COLUMNS[2]).write(_COLUMNS[3])


def _photograph(canvas: Canvas) -> None:
    Pen(canvas).heading("A sign at the quay", 18)
    canvas.drawImage(ImageReader(io.BytesIO(picture("QUAY CLOSED AT NIGHT"))), MARGIN, 560, 420, 140)
    Pen(canvas, top=540).write("Figure 1: The sign was painted anew when the second crane was taken into service.")


_LEVELS = (
    ("Station", "Month", "Level (m)", "Flow (m3/s)"),
    ("Upper bridge", "January", "2.41", "118"),
    ("Upper bridge", "April", "3.87", "264"),
    ("Old mill", "January", "1.96", "97"),
    ("Old mill", "April", "3.02", "231"),
    ("Harbour", "January", "4.10", "402"),
    ("Harbour", "April", "4.75", "519"),
)

SAMPLES: Mapping[str, tuple[Draw, ...]] = {
    "harbour-record.pdf": (_record, _record_continued),
    "rivers-two-columns.pdf": (_rivers,),
    "water-levels-table.pdf": (table(_LEVELS, ruled=True),),
    "quay-photograph.pdf": (_photograph,),
}


def write(folder: Path) -> None:
    """Write every sample into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, pages in SAMPLES.items():
        (folder / name).write_bytes(make(*pages))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
