"""OCR by services elsewhere: this project's own, or any that speaks the same open form."""
