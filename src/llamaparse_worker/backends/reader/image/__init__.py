"""Images: PNG, JPEG, TIFF of many pages, GIF, WebP, AVIF, BMP and JPEG 2000."""

from llamaparse_worker.backends.reader.image.reader import ImageReader

__all__ = ["ImageReader"]
