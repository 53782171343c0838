"""Charts, diagrams and ornaments to draw on a page, as documents have them."""

from __future__ import annotations

import math

from reportlab.lib.colors import CMYKColor
from reportlab.pdfgen.canvas import Canvas


def line_chart(canvas: Canvas, x: float, y: float, width: float = 240, height: float = 140) -> None:
    """Draw two axes with numbers, level grid lines, and a curve between them."""
    canvas.setFont("Helvetica", 8)
    canvas.line(x, y, x + width, y)
    canvas.line(x, y, x, y + height)
    for tick in range(5):
        canvas.drawRightString(x - 4, y + tick * height / 4 - 3, str(10 * tick))
        canvas.drawCentredString(x + tick * width / 4, y - 11, str(2020 + tick))
        canvas.line(x, y + tick * height / 4, x + width, y + tick * height / 4)
    canvas.drawCentredString(x + width / 2, y - 22, "Year")
    path = canvas.beginPath()
    path.moveTo(x, y + height / 2)
    for step in range(1, 41):
        path.lineTo(x + step * width / 40, y + height * (0.5 + 0.4 * math.sin(step / 5)))
    canvas.drawPath(path, stroke=1, fill=0)


def bar_chart(canvas: Canvas, x: float, y: float) -> None:
    """Draw bars of several lengths on an axis, each with its name."""
    canvas.setFont("Helvetica", 8)
    canvas.setFillColorRGB(0.2, 0.4, 0.8)
    for index, height in enumerate((40, 95, 70, 120)):
        canvas.rect(x + 10 + 50 * index, y, 30, height, stroke=0, fill=1)
    canvas.setFillColorRGB(0, 0, 0)
    canvas.line(x, y, x + 210, y)
    for index, name in enumerate(("north", "east", "south", "west")):
        canvas.drawCentredString(x + 25 + 50 * index, y - 11, name)


def pie(canvas: Canvas, x: float, y: float, radius: float = 50) -> None:
    """Draw a circle in three parts, in printing colours."""
    for index, colour in enumerate((CMYKColor(1, 0, 0, 0), CMYKColor(0, 1, 0, 0), CMYKColor(0, 0, 1, 0))):
        canvas.setFillColor(colour)
        canvas.wedge(x - radius, y - radius, x + radius, y + radius, 120 * index, 120, stroke=0, fill=1)
    canvas.setFillColorRGB(0, 0, 0)


def flow_chart(canvas: Canvas, x: float, y: float) -> None:
    """Draw three boxes with a word each, and arrows between them."""
    canvas.setFont("Helvetica", 10)
    for index, name in enumerate(("fetch", "parse", "store")):
        left = x + 110 * index
        canvas.roundRect(left, y, 70, 40, 8)
        canvas.drawCentredString(left + 35, y + 17, name)
        if index:
            canvas.line(left - 40, y + 20, left, y + 20)
            head = canvas.beginPath()
            head.moveTo(left, y + 20)
            head.lineTo(left - 8, y + 25)
            head.lineTo(left - 8, y + 15)
            head.close()
            canvas.drawPath(head, stroke=0, fill=1)
