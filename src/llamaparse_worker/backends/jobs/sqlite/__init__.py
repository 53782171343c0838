"""Job states in a SQLite file, for the workers of one machine."""
