"""What is known of calls to models, read when a scrape asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from llamaparse_worker.throttle.tally import RouterUse
from llamaparse_worker.worker.gauges import Family

_PREFIX = "llamaparse_worker_genai_"
_ONE = ("deployment",)

_WAITING = Family(f"{_PREFIX}calls_waiting", "gauge", (), "Calls of models that wait for their turn")
_RUNNING = Family(f"{_PREFIX}calls_running", "gauge", _ONE, "Calls of a deployment that run")
_AT_ONCE = Family(f"{_PREFIX}calls_limit", "gauge", _ONE, "Calls of a deployment that may run at once for now")
_WORKS = Family(f"{_PREFIX}works", "gauge", _ONE, "1; 0 while the deployment fails, or refuses key, model or quota")
_CALLS = Family(
    f"{_PREFIX}calls_total",
    "counter",
    ("deployment", "outcome"),
    "Ended calls: `answered`, or the kind of failure, such as `rate_limit`",
)
_TOKENS = Family(f"{_PREFIX}tokens_total", "counter", ("deployment", "direction"), "Tokens of answered calls: in, out")
_COST = Family(f"{_PREFIX}cost_total", "counter", _ONE, "Cost of answered calls, where GENAI_PRICES_JSON has a price")

MODEL_FAMILIES = (_WAITING, _RUNNING, _AT_ONCE, _WORKS, _CALLS, _TOKENS, _COST)


class ModelGauges(Collector):
    """Reads the router of one worker; without one there are no samples but that nothing waits."""

    def __init__(self) -> None:
        self.read: Callable[[], RouterUse] | None = None
        """Set once models can be asked."""

    def describe(self) -> list[Metric]:
        """Name the families, without reading anything."""
        return [Metric(family.name, family.meaning, family.kind) for family in MODEL_FAMILIES]

    def collect(self) -> Iterator[Metric]:
        """Read everything now."""
        use = self.read() if self.read else RouterUse(0, ())
        yield GaugeMetricFamily(_WAITING.name, _WAITING.meaning, use.waiting)
        running, at_once, works = (
            GaugeMetricFamily(one.name, one.meaning, labels=_ONE) for one in (_RUNNING, _AT_ONCE, _WORKS)
        )
        calls, tokens, cost = (
            CounterMetricFamily(one.name, one.meaning, labels=one.labels) for one in (_CALLS, _TOKENS, _COST)
        )
        for one in use.deployments:
            running.add_metric((one.deployment,), one.running)
            at_once.add_metric((one.deployment,), one.at_once)
            works.add_metric((one.deployment,), one.works)
            for outcome, count in one.outcomes.items():
                calls.add_metric((one.deployment, outcome), count)
            tokens.add_metric((one.deployment, "in"), one.input_tokens)
            tokens.add_metric((one.deployment, "out"), one.output_tokens)
            cost.add_metric((one.deployment,), one.cost)
        yield from (running, at_once, works, calls, tokens, cost)
