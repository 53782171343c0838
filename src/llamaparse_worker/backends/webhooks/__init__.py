"""Webhooks over HTTPS."""
