"""The composition root: settings → components → worker and HTTP. No logic of its own."""
