"""Providers of models: four protocols, the routes that use them, and one HTTP client under them all.

``codec`` says what a protocol is: pure functions from a request to bytes and from bytes to an answer or a failure. The
folders ``openai``, ``anthropic``, ``gemini`` and ``bedrock`` have one each. ``routes`` are their addresses, ``keys``
prove the caller's right, ``client`` sends. ``deployments`` makes them of ``settings``, by what ``catalogue`` knows.
"""
