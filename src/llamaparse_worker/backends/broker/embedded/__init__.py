"""A durable queue in one SQLite file, for a single machine."""
