"""What the worker serves over HTTP."""
