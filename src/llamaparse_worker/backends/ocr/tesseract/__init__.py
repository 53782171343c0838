"""OCR by Tesseract, in this process."""
