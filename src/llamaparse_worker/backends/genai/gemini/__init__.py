"""Google's generateContent, spoken by the Gemini API and Vertex AI."""
