"""Publishes a checkpoint as a model: card, weights and samples. `loading` reads it back."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan_core.checkpoint import write_checkpoint
from gan_core.data.base import DataSpec
from gan_core.disk import writing
from gan_core.errors import StoreError
from gan_core.knobs import to_dict
from gan_core.models import loading
from gan_core.models.card import SAMPLE, WEIGHTS, Card, write_card
from gan_core.models.lending import generator_of
from gan_core.models.sampler import Sampler
from gan_core.models.showing import sheet, usual_count
from gan_core.pictures.grids import png

SAMPLES, POINTS = 32, 1000  # on `sample.png`
LARGEST = 16 * 2**20  # bytes of weights; discriminators are left out above this


@dataclass(frozen=True)
class Words:
    """The parts of a model card written by a person; the rest is taken from the run."""

    title: str
    licence: str
    origin: str
    cost: str
    limits: str


@dataclass(frozen=True)
class Shown:
    """The sample image of a model, as PNG, and the metrics of its card."""

    picture: bytes
    metrics: Mapping[str, float] = field(default_factory=dict)


def samples(sampler: Sampler) -> Shown:
    """The sample image of a model that generates from latents."""
    return Shown(sample_picture(sampler))


def publish(
    state: dict[str, Any],
    name: str,
    words: Words,
    class_names: tuple[str, ...],
    data: str,
    folder: Path,
    half: bool,
    attributes: Mapping[str, tuple[str, ...]] | None = None,
    show: Callable[[Sampler], Shown] = samples,
) -> Card:
    """Writes a checkpoint's state as a model to `folder`, atomically replacing an existing one.

    `half` stores matrices and kernels in half precision. `attributes` are those of a net's training data. `show` is
    called with the written model; one that draws nothing needs its own. Raises StoreError.
    """
    kept = _kept(state, half)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with writing(folder.parent):
        made = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
        made.chmod(0o755)
    try:
        with writing(folder.parent):
            sha256, size = write_checkpoint(made / WEIGHTS, kept)
            described = _card(state, name, words, class_names, data, sha256, size)
            described = dataclasses.replace(described, attributes=attributes or {})
            write_card(made, described)
        shown = show(loading.load(str(made)))
        described = dataclasses.replace(described, metrics=shown.metrics)
        with writing(folder.parent):
            write_card(made, described)
            (made / SAMPLE).write_bytes(shown.picture)
        _replace(made, folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return described


def _kept(state: dict[str, Any], half: bool) -> dict[str, Any]:
    """The averaged networks, and the discriminators if they are small enough."""
    discriminators = {name: state["networks"][name] for name in _trained(state) if name.startswith("discriminator")}
    both: dict[str, Any] = {"average": state["average"], "networks": discriminators}
    both = _half(both) if half else both
    size = sum(tensor.nbytes for part in both.values() for network in part.values() for tensor in network.values())
    return both if size <= LARGEST else both | {"networks": {}}


def _trained(state: dict[str, Any]) -> list[str]:
    """The networks that were trained: a discriminator with a weight of 0 wasn't."""
    silenced = state["hparams"].get("adversarial_weight") == 0
    return [name for name in state["networks"] if not (silenced and name.startswith("discriminator"))]


def _half(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _half(inner) for name, inner in value.items()}
    if not isinstance(value, Tensor) or value.dtype != torch.float32 or value.ndim < 2:
        return value  # variances of batch-norm can exceed the range of half precision
    return value.half()


def _replace(made: Path, folder: Path) -> None:
    try:
        if folder.exists():
            shutil.rmtree(folder)
        made.replace(folder)
    except OSError as error:
        raise StoreError(
            "The model could not be written to {folder}: {reason}.", folder=folder, reason=error.strerror or error
        ) from error


def _card(
    state: dict[str, Any], name: str, words: Words, class_names: tuple[str, ...], data: str, sha256: str, size: int
) -> Card:
    from gan_core.gans import recipes

    recipe = recipes.get(state["recipe"])
    hparams = recipe.settings(state["hparams"])
    weights = {name: state["networks"][name] for name in _trained(state)}
    return Card(
        name=name, title=words.title, recipe=recipe.name, data=data, size=DataSpec.from_state(state["spec"]).size,
        steps=state["step"], images=state["images_seen"], seed=hparams.seed, licence=words.licence,
        origin=words.origin, cost=words.cost, limits=words.limits, sha256=sha256, bytes=size,
        parameters={network: _count(tensors) for network, tensors in weights.items()}, hparams=to_dict(hparams),
        fields={field: tuple(shape) for field, shape in state["spec"]["fields"].items()}, class_names=class_names,
        recipe_title=recipe.title, task=recipe.task, capabilities=tuple(sorted(recipe.capabilities)),
        compared=() if recipe.draws else recipe.compared, generator=generator_of(state["average"]),
        vocabulary=tuple(state["spec"].get("vocabulary", ())), rate=state["spec"].get("rate", 0),
    )  # fmt: skip


def _count(tensors: dict[str, Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors.values())


def sample_picture(sampler: Sampler) -> bytes:
    """Samples of seed 0, not chosen, as a PNG: at least SAMPLES in whole rows, or POINTS in the plane."""
    count = POINTS if sampler.recipe.task == "points" else usual_count(sampler, SAMPLES)
    return png(sheet(sampler, sampler.sample(count)))
