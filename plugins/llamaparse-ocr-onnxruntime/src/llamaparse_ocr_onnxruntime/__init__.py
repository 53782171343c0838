"""OCR by PP-OCR's models on ONNX Runtime: the networks alone, everything around them is the worker's."""
