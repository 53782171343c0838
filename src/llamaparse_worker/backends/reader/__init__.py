"""Readers: they open documents, in parser processes only."""
