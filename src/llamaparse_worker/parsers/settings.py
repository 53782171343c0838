"""The settings of the parser processes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from llamaparse_worker.parsers.control import SandboxPolicy

MEBIBYTE = 1 << 20


class ParserSettings(BaseModel):
    """How many parser processes there are, and what each may use."""

    model_config = ConfigDict(frozen=True)

    parser_concurrency: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="Parser processes; unset: as many as CPU cores may be used (affinity and cgroup quota).",
    )
    parser_memory_limit_bytes: int = Field(
        default=2048 * MEBIBYTE,
        ge=256 * MEBIBYTE,
        description="Address space of one parser process in bytes; a document that needs more ends in OUT_OF_MEMORY.",
    )
    parser_max_documents: int = Field(
        default=500, ge=1, description="Replace a parser process after it was used for this many documents."
    )
    parser_max_rss_bytes: int = Field(
        default=512 * MEBIBYTE,
        ge=64 * MEBIBYTE,
        description="Replace a parser process whose resident memory once reached this many bytes.",
    )
    parser_max_file_bytes: int = Field(
        default=4096 * MEBIBYTE,
        ge=16 * MEBIBYTE,
        description="Largest file in bytes that a parser process may write.",
    )
    parser_max_cpu_seconds: int = Field(
        default=3600,
        ge=1,
        description="CPU time in seconds of one piece of work in a parser process: PAGE_RANGE_SIZE pages, or the "
        "result files of a document.",
    )
    parser_sandbox: SandboxPolicy = Field(
        default=SandboxPolicy.AUTO,
        description="Landlock and seccomp around parser processes: `auto` uses what the kernel has, `require` "
        "refuses to start without both, `off` uses neither.",
    )
    parser_max_image_bytes: int = Field(
        default=256 * MEBIBYTE,
        ge=16 * MEBIBYTE,
        description="Bytes of page images that may wait for OCR at one time, over all parser processes.",
    )
