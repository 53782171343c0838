"""One thread's requests on the networks that all threads share."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from llamaparse_worker.backends.ocr.engine import Samples
from llamaparse_worker.backends.ocr.openvino.networks import Networks
from llamaparse_worker.backends.ocr.ppocr.network import Floats, Path

_REQUESTS = 2
"""Lines that one page has read at once: alone, it keeps two cores busy."""


class Requests:
    """The seam ``Network`` for one thread.

    Raises:
        ConfigurationError: as ``Networks`` does.
    """

    def __init__(self, networks: Networks) -> None:
        self._networks = networks
        self._detection: dict[tuple[int, int], Any] = {}
        self._recognition = [networks.recognition() for _ in range(_REQUESTS)]

    @property
    def signs(self) -> Sequence[str]:
        """The signs of the recognition."""
        return self._networks.signs

    def find(self, canvas: Samples) -> Floats:
        """Give for each pixel how likely text is there."""
        size = canvas.shape[0], canvas.shape[1]
        if size not in self._detection:
            self._detection[size] = self._networks.detection(size)
        request = self._detection[size]
        _fill(request, canvas[np.newaxis])
        request.infer()
        return np.array(request.get_output_tensor(0).data[0, 0], np.float32)

    def read(self, lines: Iterable[Floats]) -> Iterator[Path]:
        """Read lines, a few at once."""
        free = list(self._recognition)
        under_way: deque[Any] = deque()
        for line in lines:
            if not free:
                request = under_way.popleft()
                yield _answer(request)
                free.append(request)
            request = free.pop()
            _fill(request, line)
            request.start_async()
            under_way.append(request)
        yield from map(_answer, under_way)


def _answer(request: Any) -> Path:  # noqa: ANN401 - openvino has no types
    request.wait()
    likelihoods, signs = (request.get_output_tensor(index).data[0, :, 0] for index in range(2))
    return Path(signs.astype(np.int64), likelihoods.astype(np.float32))


def _fill(request: Any, values: Floats | Samples) -> None:  # noqa: ANN401 - openvino has no types
    """Copy values into the memory that the request itself owns.

    Memory of the interpreter would be given back by whichever thread of OpenVINO is done with it, which needs the
    interpreter's lock for that: two threads could wait for each other for ever.
    """
    tensor = request.get_input_tensor(0)
    tensor.shape = values.shape
    tensor.data[:] = values
