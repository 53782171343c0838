"""Which names in the environment look like a misspelt variable of ours."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

_SIMILARITY = 0.86
_SERVICE_LINK = re.compile(r".*_(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP)(_(ADDR|PORT|PROTO))?)?)")
"""Variables that Kubernetes sets for each Service; they are nobody's mistake."""

_ORIGINAL = frozenset(
    {
        "JOB_API_SERVICE_PORT",
        "JOB_SERVICE_URL",
        "LAYOUT_EXTRACTION_CONCURRENCY",
        "LAYOUT_EXTRACTION_V2_CONCURRENCY",
        "LAYOUT_MODE_BLOCK_PARSE_CONCURRENCY",
        "LAYOUT_MODE_PAGE_CONCURRENCY",
        "LAYOUT_MODE_READING_ORDER_DETECTION_CONCURRENCY",
        "S3_DOCUMENT_BUCKET_NAME",
        "S3_ETL_BUCKET_NAME",
        "S3_EXTERNAL_COMPONENTS_BUCKET_NAME",
        "S3_FILE_PARSING_BUCKET_NAME",
        "S3_FILE_SCREENSHOT_BUCKET_NAME",
        "S3_LLAMA_CLOUD_PARSE_OUTPUT_BUCKET_NAME",
        "S3_LLAMA_EXTRACT_OUTPUT_BUCKET_NAME",
        "S3_OUTPUT_BUCKET",
        "S3_RAW_FILE_BUCKET_NAME",
        "S3_SIGNATURE_VERSION",
        "S3_UPLOAD_BUCKET",
    }
)
"""Variables of the original deployment that are right there even where this worker does not read them."""


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A name that nothing reads, and the variable that was probably meant."""

    name: str
    meant: str


def near_misses(names: Collection[str], known: Collection[str]) -> tuple[NearMiss, ...]:
    """Find the names that resemble a known variable of the same family, such as ``OCR_`` or ``_CONCURRENCY``."""
    return tuple(_misses(sorted(names), frozenset(known)))


def _misses(names: Collection[str], known: frozenset[str]) -> Iterator[NearMiss]:
    families = tuple({f"{name.partition('_')[0]}_" for name in known if "_" in name})
    for name in names:
        plain = name.removesuffix("_FILE")
        if {name, plain} & (known | _ORIGINAL) or f"{name}_FILE" in names or _SERVICE_LINK.fullmatch(name):
            continue  # NAME and NAME_FILE are one mistake: the latter is the one that is named
        if not plain.startswith(families) and not plain.endswith("_CONCURRENCY"):
            continue
        for meant in get_close_matches(plain, known, n=1, cutoff=_SIMILARITY):
            yield NearMiss(name, meant)
