"""What Prometheus reads at /metrics. Labels are routes and models, never what a client wrote."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32, 64)


class Figures:
    """The figures of one service."""

    def __init__(self) -> None:
        self.registry = one = CollectorRegistry()
        self.requests = Counter("ganscope_requests", "Requests by route and status.", ("route", "status"), registry=one)
        self.seconds = Histogram(
            "ganscope_request_seconds", "Seconds until an answer was sent.", ("route",), buckets=SECONDS, registry=one
        )
        self.batches = Histogram(
            "ganscope_batch_pictures", "Samples drawn at once.", ("model",), buckets=SIZES, registry=one
        )
        self.waiting = Gauge("ganscope_waiting_pictures", "Samples that wait.", ("model",), registry=one)
        self.jobs = Gauge("ganscope_jobs", "Long jobs that wait or are at work.", registry=one)

    def text(self) -> bytes:
        return generate_latest(self.registry)
