"""Bytes that each target reads well: where the search begins."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

_MESSAGE = {
    "version": "1",
    "job_id": "invoice-1",
    "source": "uploads/invoice-1.pdf",
    "file_name": "invoice 1.pdf",
    "output_prefix": "results/a",
    "mode": "fast",
    "results": ["markdown"],
    "metadata": {"a": "b"},
    "priority": "medium",
    "deadline": "2030-01-01T00:00:00Z",
}
_CONFIGURATION = {
    "tier": "fast",
    "page_ranges": {"target_pages": "1-3,7", "max_pages": 9},
    "crop_box": {"top": 0.1, "bottom": 0.9, "left": 0, "right": 1},
    "processing_options": {"ignore": {"ignore_hidden_text": True}, "ocr_parameters": {"languages": ["de"]}},
    "output_options": {"images_to_save": ["layout"], "markdown": {"annotate_links": True, "page_prefix": "x"}},
    "processing_control": {"timeouts": {"base_in_seconds": 7}},
}
_PAGE_DONE = b'{"summary":{"number":1,"status":"parsed","engine":"text_layer","characters":7},"type":"page_done"}'
_OCR = b'{"results":[{"text":"Haus","bbox":[1,2,30,12],"confidence":0.9}],"engine":"openvino","turn":0,"skew":0.5}'
_ADDRESSES = (
    b"https://example.com/a.pdf?sig=%2F#x",
    b"https://127.0.0.1/",
    b"https://[::ffff:7f00:1]/",
    b"https://files.intern:8443/a",
    b"https://user:word@1.1.1.1:443/",
    b"HTTPS://2130706433./\xe2\x91\xa0",
)

SEEDS: Mapping[str, Sequence[bytes]] = {
    "message": (json.dumps(_MESSAGE).encode(), json.dumps({**_MESSAGE, "configuration": _CONFIGURATION}).encode()),
    "options": (json.dumps(_CONFIGURATION).encode(), b"{}"),
    "page_range": (b"1-3,7", b"9999999-9999999,1"),
    "source": (b"uploads/a.pdf", b"s3://bucket/a/b.pdf", b"file:///srv/a%20b.pdf", *_ADDRESSES),
    "address": _ADDRESSES,
    "dead_letter": (b"x-error-code:TIMEOUT\nx-error-attempt:3\nx-error-time:2030-01-01T00:00:00+00:00\nx-death:1",),
    "pages_on_disk": (b"\x02\x00\x00\x00\x02\x00\x00\x00{}{}",),
    "frames": (
        b"lpw1\x03" + len(_PAGE_DONE).to_bytes(4, "little") + _PAGE_DONE,
        b"lpw1\x04\x08\x00\x00\x00" + bytes(8),
    ),
    "event": (_PAGE_DONE, b'{"files":[],"type":"completed"}', b'{"error":{"code":"A","message":"b"},"type":"refused"}'),
    "recognition": (_OCR,),
    "kind": (b"%PDF-1.7", b"PK\x03\x04[Content_Types].xml", b"<?xml", b"II*\x00"),
    "http": (
        b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/queue-statusz?queue_prefix=a HTTP/1.1\r\nAuthorization: Bearer x\r\n\r\n",
        b"POST /readyz HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /metrics HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ),
}
