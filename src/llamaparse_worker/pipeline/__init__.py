"""The way of a document: fetch, open, pages, assemble, store."""
