from __future__ import annotations

from reportlab.pdfgen.canvas import Canvas

from support.documents import MARGIN, Pen, make
from support.tasks import parsed

ASKED = {"output_options": {"markdown": {"annotate_revisions": True}}}


def reviewed(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 10)
    canvas.drawString(100, 700, "The ship leaves on Monday at nine.")
    start = 100 + canvas.stringWidth("The ship leaves on ", "Helvetica", 10)
    end = start + canvas.stringWidth("Monday", "Helvetica", 10)
    canvas.highlightAnnotation("Is that so?", (start, 697, end, 709))
    Pen(canvas, top=600).write("The second paragraph has no remark at all.")


def noted(canvas: Canvas) -> None:
    Pen(canvas).write("A page with a note.")
    canvas.textAnnotation("Please check\nthe date.", (MARGIN, 700, MARGIN + 20, 720))


def test_marked_text_is_set_apart_and_its_comment_follows() -> None:
    parts = parsed(make(reviewed), ASKED).markdown.strip().split("\n\n")
    assert parts == [
        "The ship leaves on <mark>Monday</mark> at nine.",
        "> Comment: Is that so?",
        "The second paragraph has no remark at all.",
    ]


def test_a_note_is_quoted_on_one_line() -> None:
    assert parsed(make(noted), ASKED).markdown.strip().split("\n\n")[1:] == ["> Comment: Please check the date."]


def test_remarks_are_left_out_unless_the_job_asks_for_them_and_never_change_the_text() -> None:
    plain = parsed(make(reviewed, noted), {})
    assert "Comment" not in plain.markdown
    assert "mark>" not in plain.markdown
    assert plain.text == parsed(make(reviewed, noted), ASKED).text


def test_a_comment_outside_of_the_crop_box_is_left_out() -> None:
    assert "Comment" not in parsed(make(reviewed), {**ASKED, "crop_box": {"top": 0.25}}).markdown


def test_what_is_no_text_does_not_leave_its_comment_or_field() -> None:
    def draw(canvas: Canvas) -> None:
        Pen(canvas).write("A page with a note.")
        canvas.textAnnotation("One\ufdd1 two\x01\x7f three.", (MARGIN, 700, MARGIN + 20, 720))
        canvas.acroForm.textfield(name="n", value="Four\x01 five", x=64, y=600, width=200, height=20)

    found = parsed(make(draw), {**ASKED, "processing_options": {"forms": "enrich"}}).markdown
    assert "Comment: One two three." in found
    assert "Four five" in found
