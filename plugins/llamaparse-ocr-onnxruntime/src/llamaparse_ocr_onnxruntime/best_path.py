"""Has the recognition model itself choose the most likely sign at each step.

Its output is 18,710 likelihoods a step, 9 MB for a long line, of which two numbers are wanted. Brought over from a GPU
whole, they would cost more time than the network. So two nodes are appended to the model. In the wire format of
Protocol Buffers a message behind another one is merged into it, and what is repeated is appended ("Encoding", Protocol
Buffers documentation). The fields are those of ``onnx.proto``.
"""

from __future__ import annotations

SIGNS, LIKELIHOODS = "best_signs", "best_likelihoods"
"""The new outputs, both of shape (lines, steps)."""

_SIGN_AXIS = 2
_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_OUTPUT = 1, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_TYPE, _NODE_ATTRIBUTE = 1, 2, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_INT, _ATTRIBUTE_INTS, _ATTRIBUTE_TYPE = 1, 3, 8, 20
_INT, _INTS = 2, 7
_VALUE_NAME, _VALUE_TYPE, _TYPE_TENSOR, _TENSOR_ELEMENT = 1, 2, 1, 1
_FLOAT32, _INT64 = 1, 7


def with_best_path(model: bytes, output: str) -> bytes:
    """Give a model whose ``output``, shape (lines, steps, signs), is reduced to ``SIGNS`` and ``LIKELIHOODS`` too.

    The model is of ONNX operator set 17 or before, where axes are attributes.
    """
    axis, keep = _attribute("axis", _SIGN_AXIS), _attribute("keepdims", 0)
    graph = b"".join(
        (
            _message(_GRAPH_NODE, _node("ArgMax", output, SIGNS, axis, keep)),
            _message(_GRAPH_NODE, _node("ReduceMax", output, LIKELIHOODS, _attribute("axes", [_SIGN_AXIS]), keep)),
            _message(_GRAPH_OUTPUT, _value(SIGNS, _INT64)),
            _message(_GRAPH_OUTPUT, _value(LIKELIHOODS, _FLOAT32)),
        )
    )
    return model + _message(_MODEL_GRAPH, graph)


def _node(kind: str, source: str, target: str, *attributes: bytes) -> bytes:
    parts = (_text(_NODE_INPUT, source), _text(_NODE_OUTPUT, target), _text(_NODE_TYPE, kind))
    return b"".join((*parts, *(_message(_NODE_ATTRIBUTE, attribute) for attribute in attributes)))


def _attribute(name: str, value: int | list[int]) -> bytes:
    if isinstance(value, int):
        return _text(_ATTRIBUTE_NAME, name) + _number(_ATTRIBUTE_INT, value) + _number(_ATTRIBUTE_TYPE, _INT)
    numbers = b"".join(_number(_ATTRIBUTE_INTS, one) for one in value)
    return _text(_ATTRIBUTE_NAME, name) + numbers + _number(_ATTRIBUTE_TYPE, _INTS)


def _value(name: str, element: int) -> bytes:
    tensor = _message(_TYPE_TENSOR, _number(_TENSOR_ELEMENT, element))
    return _text(_VALUE_NAME, name) + _message(_VALUE_TYPE, tensor)


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _text(field: int, text: str) -> bytes:
    return _message(field, text.encode())


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    """Write a number in groups of seven bits, the lowest first; all but the last have the eighth bit set."""
    groups = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)
