"""Gauges that are looked up at the scrape, declared apart from their values: docs/metrics.md lists them."""

from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily


class Gauge(NamedTuple):
    """Name, meaning and label names."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()

    def family(self) -> GaugeMetricFamily:
        """Without any value."""
        return GaugeMetricFamily(self.name, self.meaning, labels=self.labels)

    def at(self, value: float) -> GaugeMetricFamily:
        """With its value; for gauges without labels."""
        family = self.family()
        family.add_metric([], float(value))
        return family
