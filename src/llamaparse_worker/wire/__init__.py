"""What crosses a border as JSON: the queue message with its parse configuration, and the manifest of a result.

The parse configuration takes the names of the LlamaParse v2 API. An unknown name is refused by name; a known one that
has no effect yet is accepted and listed as ignored, in the log and in the manifest. Messages carry a version; a worker
reads the current and the previous one.
"""

from llamaparse_worker.wire.clock import utc_now
from llamaparse_worker.wire.configuration import ParseConfiguration
from llamaparse_worker.wire.event import EventPages, JobEvent
from llamaparse_worker.wire.manifest import Manifest, ManifestPage
from llamaparse_worker.wire.message import (
    MESSAGE_VERSION,
    JobMessage,
    job_of,
    new_job_id,
    read_message,
    source_of,
    webhooks_of,
)
from llamaparse_worker.wire.options import HONOURED, options_of, select_pages
from llamaparse_worker.wire.outbox import outbox_event, webhooks_in
from llamaparse_worker.wire.webhook import request_of, signature

__all__ = [
    "HONOURED",
    "MESSAGE_VERSION",
    "EventPages",
    "JobEvent",
    "JobMessage",
    "Manifest",
    "ManifestPage",
    "ParseConfiguration",
    "job_of",
    "new_job_id",
    "options_of",
    "outbox_event",
    "read_message",
    "request_of",
    "select_pages",
    "signature",
    "source_of",
    "utc_now",
    "webhooks_in",
    "webhooks_of",
]
