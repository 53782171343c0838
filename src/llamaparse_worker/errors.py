"""Every failure that a user can meet, with a stable code and a next step.

The tree::

    WorkerError
    ├── ConfigurationError          the start is refused; exit status 78
    ├── TransientError              a later attempt can help
    │   ├── BackendUnavailable      broker, job store, object store or OCR is away
    │   │   ├── ModelsUnavailable   no model can be asked: the job waits
    │   │   │   └── ModelsMisconfigured  nor will one, until somebody corrects the settings
    │   │   └── RestartNeeded       a part of this process is stuck: it drains and exits with status 75
    │   ├── StorageFull             no space left for spool or results
    │   └── Throttled               a provider asked for a pause
    ├── PermanentError              the job is FAILED; the same input fails again
    │   ├── InvalidJob              the message does not follow the contract
    │   │   ├── InvalidOption       an option is unknown or has a wrong value
    │   │   └── InvalidPageRange    the page range cannot be read or is empty
    │   ├── SourceError
    │   │   ├── SourceNotFound
    │   │   └── SourceForbidden
    │   ├── DocumentError
    │   │   ├── UnsupportedFormat
    │   │   ├── EncryptedDocument
    │   │   ├── CorruptDocument
    │   │   └── EmptyDocument
    │   ├── LimitExceeded
    │   │   ├── DocumentTooLarge
    │   │   ├── TooManyPages
    │   │   ├── TooManyFailedPages
    │   │   ├── TimeLimitExceeded
    │   │   └── OutOfMemory
    │   ├── ParserCrashed           the parser process died, twice
    │   ├── SandboxViolation        the parser process tried what no document needs
    │   ├── JobExpired              the deadline passed before the work began
    │   │   └── NoModelInTime       the deadline passed while no model could be asked
    │   ├── AttemptsExhausted       every attempt lost its worker
    │   └── ModeUnavailable         the mode needs a provider that is not configured
    └── PageUnreadable              one page fails, the document goes on

``code`` is public and stable: clients, alerts and dead letters carry it. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar


class WorkerError(Exception):
    """A failure with a stable code, a text that a user understands, and a next step."""

    code: ClassVar[str] = "INTERNAL_ERROR"
    retryable: ClassVar[bool] = False
    next_step: ClassVar[str] = "Report it together with the log lines of this job."

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ConfigurationError(WorkerError):
    """The settings of this worker cannot work; a job that meets them is tried again, here or elsewhere."""

    code = "CONFIGURATION_ERROR"
    retryable = True
    next_step = "Correct the variable that the message names; `llamaparse-worker config check` tests the result."


class TransientError(WorkerError):
    """Something outside the document failed; a later attempt can succeed."""

    code = "TEMPORARILY_UNAVAILABLE"
    retryable = True
    next_step = "Nothing: the job is tried again by itself."


class BackendUnavailable(TransientError):
    """Broker, job store, object store or OCR does not answer."""

    code = "BACKEND_UNAVAILABLE"
    next_step = "Run `llamaparse-worker check`; the job is tried again by itself."


class ModelsUnavailable(BackendUnavailable):
    """No model of the job's mode can be asked for now."""

    code = "MODELS_UNAVAILABLE"
    next_step = (
        "See which deployment fails and why: `llamaparse-worker check --genai`; the job is tried again by itself."
    )


class ModelsMisconfigured(ModelsUnavailable):
    """Every model of the job's mode refuses its key, its name or the right to it."""

    code = "MODELS_MISCONFIGURED"
    next_step = (
        "Correct the variables that the message names (`llamaparse-worker check --genai` shows what the providers say) "
        "and start the worker again; the job waits for that."
    )


class RestartNeeded(BackendUnavailable):
    """A part of this process is stuck; only a new process helps."""

    code = "RESTART_NEEDED"
    next_step = "Nothing where a supervisor starts the worker again; otherwise start it again yourself."


class StorageFull(TransientError):
    """No space is left where the spool or the results are written."""

    code = "STORAGE_FULL"
    next_step = "Free space in SPOOL_DIR or in the result store; the job is tried again by itself."


class Throttled(TransientError):
    """A provider asked for a pause."""

    code = "THROTTLED"


class PermanentError(WorkerError):
    """The same job would fail again."""


class InvalidJob(PermanentError):
    """The message does not follow the contract."""

    code = "INVALID_JOB"
    next_step = "Compare the message with config/contracts/job-message.schema.json and publish it again."


class InvalidOption(InvalidJob):
    """A parse option is unknown or has a wrong value."""

    code = "INVALID_OPTION"
    next_step = "Correct the option that the message names; the schema lists the known ones."


class InvalidPageRange(InvalidJob):
    """The page range cannot be read or selects no page of the document."""

    code = "INVALID_PAGE_RANGE"
    next_step = "Give pages from 1 on, such as 1-3,7, that the document has."


class SourceError(PermanentError):
    """The document could not be fetched."""

    code = "SOURCE_UNREADABLE"
    next_step = "Check that the source still exists and that the worker may read it."


class SourceNotFound(SourceError):
    """The object, file or address does not exist."""

    code = "SOURCE_NOT_FOUND"
    next_step = "Upload the document first, or correct the source in the message."


class SourceForbidden(SourceError):
    """The worker may not read the source: access denied, or outside the allowed roots or addresses."""

    code = "SOURCE_FORBIDDEN"
    next_step = "Grant the worker read access, or add the root or host to FILE_SOURCE_ROOTS or URL_SOURCE_HOSTS."


class DocumentError(PermanentError):
    """The document itself is the reason."""

    code = "DOCUMENT_UNREADABLE"


class UnsupportedFormat(DocumentError):
    """No enabled reader knows this type of file."""

    code = "UNSUPPORTED_FILE_TYPE"
    next_step = "Convert the file to PDF, or install and enable a reader: `llamaparse-worker components` lists them."


class EncryptedDocument(DocumentError):
    """The PDF opens only with a password."""

    code = "PDF_IS_PROTECTED"
    next_step = "Remove the password and submit the document again."


class CorruptDocument(DocumentError):
    """The PDF is damaged beyond what the reader repairs."""

    code = "PDF_IS_BROKEN"
    next_step = "Open the file in a viewer and export it again, or ask its sender for a new copy."


class EmptyDocument(DocumentError):
    """The file is empty, or no page of it holds text that could be read."""

    code = "NO_DATA_FOUND_IN_FILE"
    next_step = "If the document is a scan, enable OCR; otherwise check that the right file was submitted."


class LimitExceeded(PermanentError):
    """A configured limit stopped the work."""

    code = "LIMIT_EXCEEDED"
    next_step = "Raise the limit that the message names, or submit less."


class DocumentTooLarge(LimitExceeded):
    """The file has more bytes than allowed."""

    code = "DOCUMENT_TOO_LARGE"
    next_step = "Split the document, or raise MAX_DOCUMENT_BYTES."


class TooManyPages(LimitExceeded):
    """The document has more pages than allowed."""

    code = "TOO_MANY_PAGES"
    next_step = "Select pages with target_pages or max_pages, or raise MAX_PAGES."


class TooManyFailedPages(LimitExceeded):
    """More pages failed than the job tolerates; the partial result is stored."""

    code = "TOO_MANY_FAILED_PAGES"
    next_step = "Read the page errors in manifest.json; raise allowed_page_failure_ratio to accept such results."


class CostLimitReached(LimitExceeded):
    """The calls of models for the document would cost more than it may."""

    code = "COST_LIMIT_REACHED"
    next_step = "Raise max_cost of the job or JOB_MAX_COST, choose a cheaper mode or model, or take at_max_cost finish."


class TimeLimitExceeded(LimitExceeded):
    """The document took longer than its time limit; the pages that were read by then are stored."""

    code = "TIMEOUT"
    next_step = (
        "Raise the limit that the message names: processing_control.timeouts of the job or JOB_TIMEOUT_SECONDS, "
        "FETCH_TIMEOUT_SECONDS, STORE_TIMEOUT_SECONDS. Or split the document."
    )


class OutOfMemory(LimitExceeded):
    """The parser process reached its memory limit."""

    code = "OUT_OF_MEMORY"
    next_step = "Split the document, or raise PARSER_MEMORY_LIMIT_BYTES."


class ParserCrashed(PermanentError):
    """The parser process died on this document, and again in a fresh process."""

    code = "PARSER_CRASHED"
    next_step = "Report the document if you can share it; other jobs are not affected."


class SandboxViolation(PermanentError):
    """The parser process tried something that reading a document does not need, and was refused."""

    code = "SANDBOX_VIOLATION"
    next_step = "Treat the document as hostile; if it is not, report it with the log line parser.task_failed."


class JobExpired(PermanentError):
    """The deadline of the job passed before its work began."""

    code = "EXPIRED"
    next_step = "Submit the job again with a later deadline, or scale the workers up."


class NoModelInTime(JobExpired):
    """The deadline of the job passed while no model of its mode could be asked."""

    code = "NO_MODEL_IN_TIME"
    next_step = (
        "Correct, or wait for, what the message names (`llamaparse-worker check --genai` tells more); then submit the "
        "job again with a later deadline."
    )


class AttemptsExhausted(PermanentError):
    """Every allowed attempt lost its worker before it ended."""

    code = "ATTEMPTS_EXHAUSTED"
    next_step = "Look at the worker's restarts around these attempts; then submit the job again."


class ModeUnavailable(PermanentError):
    """The mode needs a provider that is not configured."""

    code = "MODE_UNAVAILABLE"
    next_step = "Set the variables that the message names, or use the mode fast."


class PageUnreadable(WorkerError):
    """One page could not be parsed; the others are delivered."""

    code = "PAGE_UNREADABLE"
    next_step = "Look at this page in a viewer; the other pages are in the result."


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """A failure as a value: what is stored, sent and shown."""

    code: str
    message: str


def report(error: WorkerError) -> ErrorReport:
    """Give the public part of an error."""
    return ErrorReport(code=error.code, message=error.message)


def every_error() -> tuple[type[WorkerError], ...]:
    """Give all error classes with a code of their own, base class first."""

    def walk(kind: type[WorkerError]) -> Iterator[type[WorkerError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from walk(child)

    return tuple(kind for kind in walk(WorkerError) if "code" in vars(kind))


def from_report(found: ErrorReport) -> WorkerError:
    """Rebuild the error that a report was made of; an unknown code gives a plain WorkerError."""
    kind = next((kind for kind in every_error() if kind.code == found.code), WorkerError)
    return kind(found.message)
