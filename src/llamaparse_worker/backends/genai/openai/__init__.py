"""OpenAI's chat completions, spoken by OpenAI, Azure, vLLM, Ollama and gateways."""
