"""Evaluations: which feature net and which images a model's samples are compared with, and the comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gan_core import data
from gan_core.data.parts import kind_of, whole
from gan_core.errors import BadValue
from gan_core.metrics.evaluate import evaluate as compared
from gan_core.metrics.feature_net import FeatureNet
from gan_core.metrics.figures import TRAIN
from gan_core.metrics.streams import of_model
from gan_core.metrics.trust import Has, check_counts, check_possible
from gan_core.models import listing
from gan_core.models.card import Card
from gan_core.models.sampler import Sampler
from ui.studio.requests.jobs import Tell

NETS = "features."  # with a data set's name: the feature net on the shelf for that set
SECONDS = 0.02  # seconds per sample, approximate


@dataclass(frozen=True)
class Plan:
    """What a model's samples are compared with."""

    name: str
    reference: str
    net: str
    samples: int
    metrics: tuple[str, ...]

    def measure(self, sampler: Sampler, seed: int, tell: Tell) -> dict[str, Any]:
        """Returns the metrics by name, and what they were measured on."""
        images = data.load(self.reference, sampler.spec.size)
        net = FeatureNet.from_shelf(self.net)
        stream = of_model(sampler, self.samples, seed, self.name)
        side = "" if self.reference.startswith("test:") else TRAIN
        report = compared(stream, images, net, self.metrics, seed, lambda share, words: tell(share, None), side=side)
        shares = {name: {"samples": made, "real": real} for name, (made, real) in report.histogram.items()}
        return {
            "against": self.reference, "net": self.net, "samples": report.samples, "references": report.references,
            "metrics": report.values, "class_shares": shares, "pictures": report.pictures,
            "notes": [str(note) for note in report.notes],
        }  # fmt: skip


def plan(card: Card, samples: int, metrics: Sequence[str]) -> Plan:
    """Raises BadValue if the model's images or their feature net aren't here, and BadData for too few samples or a
    metric that the net can't compute.
    """
    name = whole(card.data)
    if name not in data.sources or not data.source(name).available():
        raise BadValue("The images that {name} has learnt from aren't on this server, so it can't be evaluated.",
                       name=card.name)  # fmt: skip
    net = NETS + kind_of(name)
    if net not in listing.names() or listing.card(net).size != card.size:
        raise BadValue(
            "There is no feature net on the shelf for {data} at {size} pixels, so {name} can't be evaluated.",
            data=name, size=card.size, name=card.name,
        )  # fmt: skip
    judge = listing.card(net)
    check_possible(tuple(metrics), Has(len(judge.class_names), bool(judge.class_names or judge.attributes)))
    check_counts(tuple(metrics), int(judge.hparams["features"]), samples, data.source(name).items)
    return Plan(card.name, card.data, net, samples, tuple(metrics))
