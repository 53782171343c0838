"""The daemon: consume, run, settle, drain."""
