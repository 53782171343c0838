"""The parse modes."""
