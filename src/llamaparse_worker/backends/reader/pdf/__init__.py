"""PDF: text with boxes and fonts, and pixels, through PDFium."""

from llamaparse_worker.backends.reader.pdf.reader import PdfReader

__all__ = ["PdfReader"]
