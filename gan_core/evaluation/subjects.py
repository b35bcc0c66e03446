"""Finds the subject of an evaluation and its feature net by name, among models and runs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gan_core.data.parts import kind_of, user_images_of
from gan_core.data.user.references import UserImages, user_images
from gan_core.errors import BadData
from gan_core.models import listing
from gan_core.runs.store import Run, RunStore

if TYPE_CHECKING:
    from gan_core.metrics.feature_net import FeatureNet
    from gan_core.models.sampler import Sampler

SHELVED = "features."  # with a data set's name: the feature net for that set


@dataclass(frozen=True)
class Subject:
    """One of three: a folder or zip of images, a model of the shelf by its name, or a run."""

    images: UserImages | None = None
    model: str = ""
    run: Run | None = None

    @property
    def data(self) -> str:
        """The training data; "" for a folder of images. Raises BadCheckpoint if a model's card can't be read."""
        if self.model:
            return listing.card(self.model).data
        return self.run.spec.data if self.run else ""

    @property
    def weights(self) -> str:
        """Identifies a model's weights, as a model can be replaced under its name; "" for images, and for runs, which
        their checkpoint identifies.
        """
        return listing.card(self.model).sha256 if self.model else ""

    @property
    def facts(self) -> dict[str, str]:
        """The subject as JSON."""
        if self.run:
            return {"run": self.run.id}
        return {"model": self.model} if self.model else {"images": str(self.images)}

    @classmethod
    def of(cls, store: RunStore, facts: Mapping[str, str]) -> Subject:
        """The inverse of `facts`; raises UnknownName if the run is gone."""
        run = store.get(facts["run"]) if "run" in facts else None
        images = user_images(facts["images"]) if "images" in facts else None
        return cls(images, facts.get("model", ""), run)

    def sampler(self, store: RunStore) -> Sampler | None:
        """The sampler; raises BadData for a model that neither generates nor translates images."""
        from gan_core.metrics.pairs import TASKS
        from gan_core.metrics.streams import check_images
        from gan_core.models import loading

        if self.images:
            return None
        sampler = loading.from_run(store, self.run.id) if self.run else loading.load(self.model)
        if sampler.recipe.task not in TASKS:
            check_images(sampler)
        return sampler


FindRun = Callable[[str], Run]  # raises UnknownName


def find_net(
    store: RunStore, wanted: str | None, reference: str, size: int | None, usual: int, find_run: FindRun
) -> FeatureNet:
    """The feature net of that name; by default the model for that data set, else the newest run trained on it, else
    that of ImageNet if it is installed.

    `size` is that of the images in pixels; None for any size, with `usual` for a net that takes any. Raises BadData,
    UnknownName or BadCheckpoint.
    """
    from gan_core.metrics.feature_net import FeatureNet
    from gan_core.metrics.general_nets import NETS, general_net, installed

    if wanted in NETS:
        return general_net(wanted, size or usual)

    if wanted is not None and os.path.isfile(wanted):
        return FeatureNet.from_file(Path(wanted))
    reference = kind_of(reference)
    named = wanted if wanted is not None else SHELVED + reference
    if listing.is_model(named) and (wanted is not None or size in (None, listing.card(named).size)):
        return FeatureNet.from_shelf(named)
    if wanted is None:
        if found := _trained_net(store, reference, size):
            return FeatureNet.from_run(store, found.id)
        if installed("imagenet"):
            return general_net("imagenet", size or usual)
        raise _no_net(reference, size, _others(store, size))
    return FeatureNet.from_run(store, find_run(wanted).id)


def _trained_net(store: RunStore, reference: str, size: int | None) -> Run | None:
    """The newest run of a feature net with a checkpoint for a data set."""
    return next((run for run in _trained_nets(store, size) if kind_of(run.spec.data) == reference), None)


def _trained_nets(store: RunStore, size: int | None) -> list[Run]:
    nets = [run for run in store.runs() if _is_feature_net(run.spec.recipe) and store.checkpoints(run.id)]
    return [run for run in nets if size in (None, run.spec.size)]


def _others(store: RunStore, size: int | None) -> list[str]:
    """All feature nets for images of this size."""
    shelved = [
        name for name, card in listing.survey()[0].items() if _is_feature_net(card.recipe) and size in (None, card.size)
    ]
    return [*shelved, *(run.name or run.id for run in _trained_nets(store, size))]


def _is_feature_net(recipe: str) -> bool:
    from gan_core.gans import recipes

    return recipe in recipes and recipes.get(recipe).task == "supervised"


def _no_net(reference: str, size: int | None, others: list[str]) -> BadData:
    """How to get a feature net: train it on these data if they have labels, else on labelled data."""
    from gan_core.metrics.feature_net import LABELLED

    labels = _labelled(reference, size)
    sized = ["--size", str(size)] if size else []
    advised = shlex.join(["ganscope", "train", "feature_net", "--data", reference if labels else LABELLED, *sized])
    known = {"data": f"{reference} at {size} px" if size else reference, "command": advised}
    if labels:
        return BadData(
            "These metrics need a feature net, and there is none for {data} yet. Train one: `{command}`  Or choose "
            "another of this size with --net: {nets}. Or install that of ImageNet, for images of any kind: pip install "
            "'ganscope[imagenet]'",
            **known, nets=", ".join(others) or "none yet",
        )  # fmt: skip
    return BadData(
        "These metrics need a feature net, and none can be trained on {data}, which has no classes. Choose one of "
        "this size with --net: {nets}. Or train one on labelled images: `{command}`  Then pass `--net latest`. Or "
        "install that of ImageNet, for images of any kind: pip install 'ganscope[imagenet]'",
        **known, nets=", ".join(others) or "none yet",
    )  # fmt: skip


def _labelled(reference: str, size: int | None) -> bool:
    from gan_core import data

    if user_images_of(reference):
        return bool(data.load(reference, size).spec.questions)
    source = data.source(reference)
    return bool(source.spec(source.size).questions)
