"""Calls to models: how many, how fast, by whom, and in which order. Pure parts, and the router that applies them."""
