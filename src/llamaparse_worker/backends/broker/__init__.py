"""Durable queues."""
