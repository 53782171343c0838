"""Disposable processes in which documents are opened. Knows interfaces and values only; tasks are loaded by name."""
