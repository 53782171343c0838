"""OCR by PP-OCR models: everything but the networks themselves, which an engine brings (``network``)."""
