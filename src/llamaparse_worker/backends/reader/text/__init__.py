"""Plain text and Markdown files."""

from llamaparse_worker.backends.reader.text.reader import TextReader

__all__ = ["TextReader"]
