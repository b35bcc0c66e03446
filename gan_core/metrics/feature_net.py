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

# a set that needs no download and that a net can be trained on at any size
LABELLED = next(source.name for source in sources if source.attributes and not source.needs)
BATCH = 250  # images at once, for constant memory


class FeatureNet:
    """Features (B, d) and class probabilities (B, classes) of uint8 images (B, C, H, W) of one shape.

    `name` is part of each metric's name, such as `mnistnet` for a net trained on `mnist`; `origin` identifies the net
    of that name, and `data` its training data, if known.
    """

    general = False  # whether it accepts images of any kind and size
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
        self.size: int = model.hparams.features  # length of the feature vector

    @classmethod
    def from_run(cls, store: RunStore, run_id: str) -> FeatureNet:
        """The averaged net of a run's newest checkpoint; raises UnknownName or BadCheckpoint."""
        run = store.get(run_id)
        name = _of_data(run.spec.data) or run.name or "ownnet"
        return cls(name, loading.from_run(store, run_id), f"run {run.id}", run.spec.data)

    @classmethod
    def from_shelf(cls, name: str) -> FeatureNet:
        """The net of a model of the shelf; raises UnknownName or BadCheckpoint."""
        learnt = listing.card(name).data
        return cls(_of_data(learnt) or name, loading.load(name), f"model {name}", learnt)

    @classmethod
    def from_file(cls, path: Path) -> FeatureNet:
        """The net in a checkpoint or an exported weights file, named after the file; raises BadCheckpoint."""
        return cls(path.stem, read_weights(path), f"file {path.name}")

    @property
    def classes(self) -> int:
        """The number of classes; 0 for a net trained on attributes."""
        return self.spec.classes

    @property
    def questions(self) -> Mapping[str, int]:
        """The questions that it answers for an image, with their numbers of answers: its class, or each attribute."""
        return self.spec.questions

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W) of its images."""
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
        """Features and probabilities, both float32, computed in batches of at most BATCH images; raises BadData.

        For attributes, the probabilities of all of them are concatenated, (B, all answers).
        """
        self.check(images.shape[1:], "what was given")
        check_eight_bits(images, "The given ones")
        for start in range(0, len(images), BATCH):
            part = np.array(images[start : start + BATCH])  # a copy: torch requires writable arrays
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
        """The perceptual distance from this net's convolutions."""
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
        """The share of images (N, C, H, W) whose class it predicts correctly."""
        return float((self.answers(images)[:, 0] == labels).mean())


def _of_data(data: str) -> str:
    """The name of a net by its training data; none for the user's own images."""
    name = data.removeprefix("train:")
    return f"{name}net" if ":" not in name else ""


def plain_name(text: str) -> str:
    """The name as part of a metric's name: only lower-case letters and digits."""
    return re.sub(r"[^a-z0-9]+", "", text.lower()) or "net"


def times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
