"""Untrusted bytes against everything that reads some: targets, and a driver that searches for bytes that break them."""
