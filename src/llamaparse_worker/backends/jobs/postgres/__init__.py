"""Job states in PostgreSQL, shared by any number of workers."""
