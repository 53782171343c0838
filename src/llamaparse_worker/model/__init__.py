"""The values that a document passes through. Standard library only; nothing here does I/O."""
