"""llamaparse-worker: documents from a durable queue to Markdown, text and JSON."""
