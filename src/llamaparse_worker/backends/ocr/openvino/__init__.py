"""OCR by PP-OCR models on OpenVINO, in this process."""

NAME = "openvino"
