"""The feature net of the metrics: features and class probabilities of images."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec, sources
from gan_core.data.batches import to_device
from gan_core.errors import BadCheckpoint, BadData
from gan_core.metrics.perception import Perception
from gan_core.metrics.pictures import check_eight_bits
from gan_core.models import listing, loading
from gan_core.models.sampler import Sampler
from gan_core.models.weights import read_weights
from gan_core.objectives.supervised import split_logits
from gan_core.runs.store import RunStore

# a set that needs no download and that a net can learn at any size
LABELLED = next(source.name for source in sources if source.attributes and not source.needs)
BATCH = 250  # images at once, whatever their number: the memory stays the same


class FeatureNet:
    """Features (B, d) and class probabilities (B, classes) of uint8 images (B, C, H, W) of one shape.

    `name` is part of each metric's name, such as `mnistnet` for a net that learnt `mnist`; `origin` says which of
    that name it is, and `data` what it has learnt from, where that is known.
    """

    general = False  # whether it takes images of any kind and size
    perceives = True  # whether it has a perceptual distance

    def __init__(self, name: str, model: Sampler, origin: str = "", data: str = "") -> None:
        """Raises BadCheckpoint for a model that isn't a feature net."""
        if model.recipe.task != "supervised":
            raise BadCheckpoint(
                "{recipe} is not a feature net. Train one: `ganscope train feature_net --data {data} --size {size}`",
                recipe=model.recipe.title, data=LABELLED, size=model.spec.size,
            )  # fmt: skip
        self.name = plain_name(name)
        self.origin = origin or name
        self.data = data
        self.spec: DataSpec = model.spec
        self._network = model.networks["features"].eval().to(memory_format=torch.channels_last)
        self._device = next(self._network.parameters()).device
        self.size: int = model.hparams.features  # numbers that describe an image

    @classmethod
    def from_run(cls, store: RunStore, run_id: str) -> FeatureNet:
        """The averaged net of a run's newest checkpoint; raises UnknownName or BadCheckpoint."""
        run = store.get(run_id)
        name = _of_data(run.spec.data) or run.name or "ownnet"
        return cls(name, loading.from_run(store, run_id), f"run {run.id}", run.spec.data)

    @classmethod
    def from_shelf(cls, name: str) -> FeatureNet:
        """A model of the shelf; raises UnknownName or BadCheckpoint."""
        learnt = listing.card(name).data
        return cls(_of_data(learnt) or name, loading.load(name), f"model {name}", learnt)

    @classmethod
    def from_file(cls, path: Path) -> FeatureNet:
        """From a checkpoint or an exported weights file, named by the file; raises BadCheckpoint."""
        return cls(path.stem, read_weights(path), f"file {path.name}")

    @property
    def classes(self) -> int:
        """0 for a net that has learnt attributes."""
        return self.spec.classes

    @property
    def questions(self) -> Mapping[str, int]:
        """What it says of an image, and among how many answers: its class, or each attribute."""
        return self.spec.questions

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W) of the images that it takes."""
        return self.spec.fields["real"]

    def check(self, shape: tuple[int, ...], what: str) -> None:
        """Raises BadData for images of another shape."""
        if tuple(shape) != self.shape:
            raise BadData(
                "{net} takes images of {wanted}, but {what} has {given} (channels x height x width). Choose another "
                "feature net with --net, or train one on such images.",
                net=self.name, wanted=times(self.shape), what=what, given=times(shape),
            )  # fmt: skip

    def predict(self, images: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Features and probabilities, both float32, of at most BATCH images after another; raises BadData.

        Where it has learnt attributes, the probabilities of each follow those of the one before, (B, all answers).
        """
        self.check(images.shape[1:], "what was given")
        check_eight_bits(images, "The given ones")
        for start in range(0, len(images), BATCH):
            part = np.array(images[start : start + BATCH])  # a copy: torch wants arrays that may be written
            with torch.no_grad():
                features, logits = self._see(part)
                parts = [answer.softmax(1) for answer in split_logits(logits, self.questions)] or [logits]
                answers = torch.cat(parts, 1)
            found = features.cpu().numpy()
            if not np.isfinite(found).all():
                raise BadData(
                    "The features of some images are NaN or infinite, so no metric can be computed. Check the weights "
                    "of the feature net {net}.",
                    net=self.name,
                )
            yield found, answers.cpu().numpy()

    def _see(self, images: np.ndarray) -> tuple[Tensor, Tensor]:
        """Features (B, d) and logits (B, all answers) of uint8 images (B, C, H, W)."""
        features, logits = self._network(to_device(torch.from_numpy(images), self._device))
        return features, logits

    def perception(self) -> Perception:
        """The perceptual distance in this net's convolutions."""
        layers = self._network.layers
        assert isinstance(layers, nn.Sequential)
        return Perception(layers)

    def split(self, probabilities: np.ndarray) -> dict[str, np.ndarray]:
        """(B, all answers) by question: (B, its answers)."""
        if not self.questions:
            return {}
        edges = np.cumsum(list(self.questions.values()))[:-1]
        return dict(zip(self.questions, np.split(probabilities, edges, axis=1), strict=True))

    def answers(self, images: np.ndarray) -> np.ndarray:
        """The most likely answer to each question, int64 (N, questions)."""
        parts = [self.split(probabilities) for _, probabilities in self.predict(images)]
        return np.concatenate([np.stack([one.argmax(1) for one in part.values()], 1) for part in parts])

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """The share of images (N, C, H, W) whose class it names rightly."""
        return float((self.answers(images)[:, 0] == labels).mean())


def _of_data(data: str) -> str:
    """The name of a net by what it has learnt; none for the user's own images."""
    name = data.removeprefix("train:")
    return f"{name}net" if ":" not in name else ""


def plain_name(text: str) -> str:
    """As it stands in a metric's name: small letters and digits alone."""
    return re.sub(r"[^a-z0-9]+", "", text.lower()) or "net"


def times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
