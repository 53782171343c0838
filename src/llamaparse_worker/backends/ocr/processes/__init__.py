"""Engines of OCR in processes of their own, which may crash and hang."""
