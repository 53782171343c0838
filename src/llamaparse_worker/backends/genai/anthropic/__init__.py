"""Anthropic's messages, spoken by Anthropic and, with small differences, by Claude on Vertex AI."""
