"""The published contracts of the queue, made from the code that reads and answers messages."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from llamaparse_worker.backends.broker.rabbitmq.settings import RabbitMqSettings
from llamaparse_worker.backends.broker.rabbitmq.topology import _dead_letter_arguments, _job_queue_arguments
from llamaparse_worker.errors import InvalidJob, every_error
from llamaparse_worker.model.queues import RANGES, WEIGHTS, queue_name
from llamaparse_worker.wire import MESSAGE_VERSION, JobEvent, JobMessage

_RABBITMQ = RabbitMqSettings()
JOB_QUEUE = _RABBITMQ.job_queue_name
DEAD_LETTERS = _RABBITMQ.dead_letter_queue
EVENTS = _RABBITMQ.event_exchange

_BINDING = "0.3.0"
_HEADERS = {
    "traceparent": "W3C trace context of the producer; the spans of the job link to it",
    "tracestate": "W3C trace state that belongs to traceparent",
    "x-tenant": "The tenant, for brokers that route or count by header; `tenant` in the body decides",
}
_DEAD_LETTER_HEADERS = {
    "x-error-code": "One of the codes under x-error-codes",
    "x-error-message": "What was wrong, in words",
    "x-error-time": "When the worker gave up, as ISO 8601 with its zone",
    "x-error-attempt": "Attempts that were charged by then; 0 where none was",
    "x-error-worker": "Host name of the worker that gave up, or that wrote the dead letter in its place",
}


def job_message_schema() -> dict[str, object]:
    """Give the JSON Schema of a job message. Changes within a version only add."""
    return _published(JobMessage, f"job-message:{MESSAGE_VERSION}")


def job_event_schema() -> dict[str, object]:
    """Give the JSON Schema of the event that tells the end of a job. Changes within a version only add."""
    return _published(JobEvent, f"job-event:{MESSAGE_VERSION}")


def asyncapi(examples: Mapping[str, object]) -> dict[str, object]:
    """Give the AsyncAPI document of the worker's queues, with golden examples by name."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "llamaparse-worker",
            "version": f"{MESSAGE_VERSION}.0.0",
            "description": "Parse jobs go in through one queue; messages that cannot be worked on end in another.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "rabbitmq": {
                "host": "rabbitmq.example:5672",
                "protocol": "amqp",
                "protocolVersion": "0.9.1",
                "description": "RabbitMQ 3.11 or later; JOB_QUEUE_ENDPOINT names it.",
            }
        },
        "channels": {
            "jobs": {
                **_queue(JOB_QUEUE, "parseJob", "Jobs that wait for a worker; JOB_QUEUE_NAME renames it."),
                "x-queue-arguments": _job_queue_arguments(_RABBITMQ),
                "x-priorities": {
                    queue.value: {"queue": queue_name(JOB_QUEUE, queue), "weight": weight}
                    for queue, weight in WEIGHTS.items()
                    if queue is not RANGES
                },
            },
            "deadLetters": {
                **_queue(DEAD_LETTERS, "deadLetter", "Messages that no worker can work on, as published."),
                "x-queue-arguments": _dead_letter_arguments(_RABBITMQ),
            },
            "events": _events(),
        },
        "operations": {
            "receiveJob": {
                "action": "receive",
                "channel": {"$ref": "#/channels/jobs"},
                "messages": [{"$ref": "#/channels/jobs/messages/parseJob"}],
                "bindings": {"amqp": {"ack": True, "bindingVersion": _BINDING}},
            },
            "sendDeadLetter": {
                "action": "send",
                "channel": {"$ref": "#/channels/deadLetters"},
                "messages": [{"$ref": "#/channels/deadLetters/messages/deadLetter"}],
                "bindings": {"amqp": {"deliveryMode": 2, "mandatory": True, "bindingVersion": _BINDING}},
            },
            "sendEvent": {
                "action": "send",
                "channel": {"$ref": "#/channels/events"},
                "messages": [{"$ref": "#/channels/events/messages/jobEnded"}],
                "bindings": {"amqp": {"deliveryMode": 2, "mandatory": False, "bindingVersion": _BINDING}},
            },
        },
        "components": {
            "messages": {"parseJob": _parse_job(examples), "deadLetter": _dead_letter(), "jobEnded": _job_ended()}
        },
        "x-error-codes": [
            {
                "code": kind.code,
                "retryable": kind.retryable,
                "refusesMessage": issubclass(kind, InvalidJob),
                "meaning": (kind.__doc__ or "").strip(),
                "nextStep": kind.next_step,
            }
            for kind in every_error()
        ],
    }


def _queue(address: str, message: str, description: str) -> dict[str, object]:
    return {
        "address": address,
        "description": description,
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "bindings": {
            "amqp": {
                "is": "queue",
                "queue": {"name": address, "durable": True, "exclusive": False, "autoDelete": False, "vhost": "/"},
                "bindingVersion": _BINDING,
            }
        },
    }


def _events() -> dict[str, object]:
    return {
        "address": "job.{outcome}",
        "description": "How jobs ended, at least once each; JOB_EVENT_EXCHANGE renames the exchange.",
        "parameters": {"outcome": {"enum": ["completed", "failed", "cancelled"]}},
        "messages": {"jobEnded": {"$ref": "#/components/messages/jobEnded"}},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": EVENTS, "type": "topic", "durable": True, "autoDelete": False, "vhost": "/"},
                "bindingVersion": _BINDING,
            }
        },
    }


def _parse_job(examples: Mapping[str, object]) -> dict[str, object]:
    return {
        "name": "parseJob",
        "title": "A document to parse",
        "contentType": "application/json",
        "headers": _headers(_HEADERS),
        "payload": _payload("job-message"),
        "x-message-properties": {
            "delivery_mode": "2 (persistent), required",
            "content_type": "application/json, recommended",
            "message_id": "the job_id, recommended",
        },
        "x-idempotency": "job_id is the key: a job that was published twice is parsed once",
        "examples": [{"name": name, "payload": payload} for name, payload in examples.items()],
    }


def _dead_letter() -> dict[str, object]:
    return {
        "name": "deadLetter",
        "title": "A message that no worker can work on",
        "summary": "Body and headers are those of the message as published; the body need not be valid.",
        "headers": _headers(_DEAD_LETTER_HEADERS, required=tuple(_DEAD_LETTER_HEADERS)),
    }


def _job_ended() -> dict[str, object]:
    return {
        "name": "jobEnded",
        "title": "A job has ended",
        "contentType": "application/json",
        "payload": _payload("job-event"),
        "x-message-properties": {"message_id": "the event's id, the same whenever it is sent again"},
    }


def _payload(schema: str) -> dict[str, object]:
    return {
        "schemaFormat": "application/schema+json;version=draft-2020-12",
        "schema": {"$ref": f"./{schema}.schema.json"},
    }


def _published(model: type[BaseModel], name: str) -> dict[str, object]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:llamaparse-worker:{name}",
        **model.model_json_schema(),
    }


def _headers(names: Mapping[str, str], *, required: tuple[str, ...] = ()) -> dict[str, object]:
    properties = {name: {"type": "string", "description": text} for name, text in names.items()}
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}
